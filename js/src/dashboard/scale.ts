// Errors and times as colours: from blue over grey to yellow, told apart by colour-blind
// readers and seen on light and dark ground.
import { brief } from "./format";
import type { Pair, Qubit } from "./model";

const STOPS = [
  [38, 98, 178], [82, 122, 166], [124, 142, 146], [168, 162, 116], [211, 184, 78], [252, 216, 50],
] as const;

/** A share from 0 to 1 as a colour, from good to bad. */
export function shade(share: number): string {
  const at = Math.min(Math.max(share, 0), 1) * (STOPS.length - 1);
  const i = Math.min(Math.floor(at), STOPS.length - 2);
  const mix = (k: 0 | 1 | 2) => Math.round(STOPS[i]![k] + (at - i) * (STOPS[i + 1]![k] - STOPS[i]![k]));
  return `rgb(${mix(0)} ${mix(1)} ${mix(2)})`;
}

/** What is written on that colour. */
export const ink = (share: number): string => (share > 0.35 ? "#111" : "#fff");

export interface Quantity<T> {
  key: keyof T & string;
  name: string;
  unit: string;
  /** What a value in SI units is multiplied by. */
  times: number;
  /** Whether larger is better, as of T1. */
  more: boolean;
}

const percent = { unit: "%", times: 100, more: false };
export const QUBITS: Quantity<Qubit>[] = [
  { key: "readout", name: "readout error", ...percent },
  { key: "error", name: "gate error", ...percent },
  { key: "t1", name: "T1", unit: "µs", times: 1e6, more: true },
  { key: "t2", name: "T2", unit: "µs", times: 1e6, more: true },
  { key: "gate_s", name: "gate time", unit: "ns", times: 1e9, more: false },
  { key: "readout_s", name: "readout time", unit: "ns", times: 1e9, more: false },
];
export const PAIRS: Quantity<Pair>[] = [
  { key: "error", name: "error", ...percent },
  { key: "gate_s", name: "gate time", unit: "ns", times: 1e9, more: false },
];

/** An error from which on a device means that the part is out of use. */
export const BROKEN = 0.5;
export const usable = (error: number | undefined): boolean => error === undefined || error < BROKEN;

export interface Scale {
  low: number;
  median: number;
  high: number;
  /** From 0 at the best value to 1 at the worst, by logarithm. */
  at: (value: number) => number;
}

/** A scale over the values of parts in use; null if none is known. */
export function scale(values: (number | undefined)[], more: boolean): Scale | null {
  const known = values.filter((v): v is number => v !== undefined && v > 0 && Number.isFinite(v)).sort((a, b) => a - b);
  const [low, high] = [known[0], known.at(-1)];
  if (low === undefined || high === undefined) return null;
  const share = (value: number) =>
    high > low ? Math.min(Math.max(Math.log(Math.max(value, low) / low) / Math.log(high / low), 0), 1) : 0;
  const at = (value: number) => (more ? 1 - share(value) : share(value));
  const middle = (known.length - 1) / 2;
  const median = (known[Math.floor(middle)]! + known[Math.ceil(middle)]!) / 2;
  return { low, median, high, at };
}

/** A value in its unit: 0.82 %, 121 µs. */
export function told<T>(of: Quantity<T>, value: number | undefined): string {
  return value === undefined ? "" : `${bare(of, value)} ${of.unit}`;
}

export function bare<T>(of: Quantity<T>, value: number | undefined): string {
  return value === undefined ? "" : brief(Number((value * of.times).toPrecision(3)));
}
