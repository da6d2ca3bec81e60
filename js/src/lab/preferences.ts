// What a person has set in JupyterLab's settings, with defaults where there are none.
import type { SettingRegistry, Settings } from "./host";

export interface Preferences {
  /** Seconds between two questions. */
  interval: number;
  /** Most runs that are listed. */
  runs: number;
  onChange(listener: () => void): void;
}

const DEFAULTS = { interval: 1.5, runs: 100 };

export function preferences(registry: SettingRegistry | null, plugin: string): Preferences {
  const listeners: (() => void)[] = [];
  const found: Preferences = { ...DEFAULTS, onChange: (listener) => void listeners.push(listener) };
  const read = ({ composite }: Settings) => {
    found.interval = number(composite["interval"], DEFAULTS.interval, 0.5, 60);
    found.runs = Math.round(number(composite["runs"], DEFAULTS.runs, 1, 500));
    for (const listener of listeners) listener();
  };
  registry?.load(plugin).then(
    (settings) => {
      read(settings);
      settings.changed.connect(() => read(settings));
    },
    (error: unknown) => console.warn(`QuantumFlow goes by its defaults: ${String(error)}`),
  );
  return found;
}

const number = (value: unknown, otherwise: number, least: number, most: number): number =>
  typeof value === "number" && Number.isFinite(value) ? Math.min(Math.max(value, least), most) : otherwise;
