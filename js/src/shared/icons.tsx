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

const GLYPHS: Record<string, ComponentChildren> = {
  undo: <path d="M6 3 2.5 6.5 6 10M2.5 6.5H10a3.5 3.5 0 0 1 0 7H7" />,
  redo: <path d="m10 3 3.5 3.5L10 10M13.5 6.5H6a3.5 3.5 0 0 0 0 7h3" />,
  plus: <path d="M8 3v10M3 8h10" />,
  minus: <path d="M3 8h10" />,
  fit: <path d="M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10" />,
  tidy: <path d="M2 2.5h4v4H2zM10 2.5h4v4h-4zM10 9.5h4v4h-4zM6 4.5h4M8 4.5v7h2" />,
  copy: <path d="M5.5 5.5h8v8h-8zM3 10.5H2.5v-8h8V3" />,
  close: <path d="m4 4 8 8M12 4l-8 8" />,
  play: <path d="M4.5 2.8v10.4L13 8z" />,
  stop: <path d="M4 4h8v8H4z" />,
  trash: <path d="M2.5 4h11M6 4V2.5h4V4M4 4l.7 9.5h6.6L12 4" />,
  warn: <path d="M8 2 14.5 13.5h-13zM8 6.5v3.3M8 11.6v.2" />,
  check: <path d="m3 8.5 3.3 3.3L13 4.7" />,
  axis: <path d="M2.5 2.5v11h11M5.5 10.5l3-3 2 2 3-4" />,
  dial: <path d="M3.5 12.5a6 6 0 1 1 9 0M8 9l2.5-3.5" />,
  gates: <path d="M1 4.5h3M9 4.5h6M1 11.5h8.5M4 2h5v5H4zM12 9v5M9.5 11.5h5.5" />,
  paste: <path d="M10.5 3.5h2v10h-9v-10h2M5.5 2h5v3h-5zM6 8.5h4M6 11h3" />,
  book: <path d="M8 3.8C6.5 2.7 4.5 2.5 2 2.7v10c2.5-.2 4.5 0 6 1.1 1.5-1.1 3.5-1.3 6-1.1v-10c-2.5-.2-4.5 0-6 1.1zM8 3.8v10" />,
  lock: <path d="M3.5 7.5h9v6h-9zM5.5 7.5V5a2.5 2.5 0 0 1 5 0v2.5" />,
  back: <path d="M10 3 5 8l5 5" />,
};

/** Signs on buttons; what they do is said in words beside them or by their name. */
export const Glyph = ({ name }: { name: string }) => <Icon name={name}>{GLYPHS[name]}</Icon>;

export const KindIcon = ({ kind }: { kind: string }) => (
  <Icon name="kind">{KINDS[kind] ?? KINDS["step"]}</Icon>
);

export const StateIcon = ({ state }: { state: string }) => (
  <Icon name={state}>{STATES[state] ?? STATES["waiting"]}</Icon>
);
