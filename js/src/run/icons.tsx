// Line icons on a 16-pixel grid. Colour comes from the text around them.
import type { ComponentChildren } from "preact";

function Icon({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <svg class={`qf-icon qf-icon-${name}`} viewBox="0 0 16 16" aria-hidden="true">
      {children}
    </svg>
  );
}

const KINDS: Record<string, ComponentChildren> = {
  circuit: <path d="M1 5h4M11 5h4M1 12h14M5 2.5h6v5H5zM8 7.5V12M8 12m-1.2 0a1.2 1.2 0 1 0 2.4 0a1.2 1.2 0 1 0-2.4 0" />,
  observable: <path d="M5.5 2.5 2 8l3.5 5.5M10.5 2.5 14 8l-3.5 5.5M8 5v6" />,
  sample: <path d="M1.5 14h13M3.5 14V9M6.5 14V3M9.5 14V6M12.5 14v-3" />,
  estimate: <path d="M8 2v12M5.5 2h5M5.5 14h5M8 8m-2 0a2 2 0 1 0 4 0a2 2 0 1 0-4 0" />,
  step: <path d="M11.5 3.2C9.6 2 8.6 3 8.2 5L6.8 12c-.4 2-1.6 2.6-3 1.6M5 7h5.5" />,
  input: <path d="M2 8h8M7 4.5 10.5 8 7 11.5M13.5 3v10" />,
};

const STATES: Record<string, ComponentChildren> = {
  waiting: <circle cx="8" cy="8" r="5.5" stroke-dasharray="1.8 2.52" />,
  running: <path d="M8 2.5A5.5 5.5 0 1 1 2.5 8" />,
  done: <path d="m3 8.5 3.3 3.3L13 4.7" />,
  paused: <path d="M5.5 3.5v9M10.5 3.5v9" />,
  failed: <path d="m4 4 8 8M12 4l-8 8" />,
  skipped: <path d="M2.5 10.5C4 5.5 10 4.5 13 8.5M13.3 4.7v4.1H9.2" />,
  cancelled: <path d="M8 2.5a5.5 5.5 0 1 0 0 11a5.5 5.5 0 1 0 0-11M4.2 4.2l7.6 7.6" />,
  partial: <path d="M8 2 14.5 13.5h-13zM8 6.5v3.3M8 11.6v.2" />,
};

export const KindIcon = ({ kind }: { kind: string }) => (
  <Icon name="kind">{KINDS[kind] ?? KINDS["step"]}</Icon>
);

export const StateIcon = ({ state }: { state: string }) => (
  <Icon name={state}>{STATES[state] ?? STATES["waiting"]}</Icon>
);
