import { short } from "./format";
import type { Snapshot } from "./model";
import { ticks } from "./ticks";
import { type Bar, type Row, lastOf, rowsOf } from "./timeline";

const HEIGHT = 18;
/** Top and height of a bar: phases differ in shape, and not in colour alone. */
const SHAPES: Record<string, [number, number]> = {
  step: [4, 10],
  queued: [8, 2],
  transpiling: [6, 6],
  running: [3, 12],
  fetching: [11, 4],
};
const LEGEND = ["queued", "transpiling", "running", "fetching"];

interface Props {
  run: Snapshot;
  chosen: string | null;
  choose: (step: string) => void;
}

/** What ran when: steps on top, under them each backend with its jobs. */
export function Gantt({ run, chosen, choose }: Props) {
  const rows = rowsOf(run);
  if (rows.length === 0) return <p class="qf-empty">Nothing has started yet.</p>;
  const last = lastOf(run, rows);
  const marks = ticks(0, last, 7);
  const at = (seconds: number) => `${(100 * seconds) / last}%`;
  const jobs = run.jobs ?? [];
  const left = (run.jobs_total ?? 0) - jobs.length;
  return (
    <div class="qf-gantt">
      <ol class="qf-lanes" aria-label={`Timeline of ${run.name}, in seconds since the start`}>
        {rows.map((row) => (
          <Lane key={row.key} row={row} at={at} marks={marks} chosen={chosen} choose={choose} />
        ))}
      </ol>
      <div class="qf-lane qf-axis" aria-hidden="true">
        <span class="qf-lane-name" />
        <span class="qf-lane-track">
          {marks.map((mark) => (
            <span key={mark} style={{ left: at(mark) }}>
              {short(mark)}
            </span>
          ))}
        </span>
      </div>
      <p class="qf-legend">
        <span class="qf-sub">time since the start (s)</span>
        {jobs.length > 0 && LEGEND.map((phase) => <Sample key={phase} phase={phase} well />)}
        {rows.some((row) => row.bars.some((bar) => !bar.well)) && <Sample phase="step" well={false} />}
        {left > 0 && <span class="qf-sub">{`the latest ${jobs.length} of ${run.jobs_total} jobs`}</span>}
      </p>
    </div>
  );
}

interface LaneProps {
  row: Row;
  at: (seconds: number) => string;
  marks: number[];
  chosen: string | null;
  choose: (step: string) => void;
}

function Lane({ row, at, marks, chosen, choose }: LaneProps) {
  const { step } = row;
  return (
    <li class="qf-lane">
      {step === null ? (
        <span class="qf-lane-name" title={row.label}>
          {row.label}
          <span class="qf-hidden">{row.words}</span>
        </span>
      ) : (
        <button
          type="button"
          class="qf-lane-name"
          aria-label={row.words}
          aria-expanded={chosen === step}
          title={row.label}
          onClick={() => choose(step)}
        >
          {row.label}
        </button>
      )}
      <svg class="qf-lane-track" width="100%" height={HEIGHT} aria-hidden="true">
        {marks.map((mark) => (
          <line key={mark} class="qf-grid" x1={at(mark)} x2={at(mark)} y1="0" y2={HEIGHT} />
        ))}
        {row.bars.map((bar) => (
          <Piece key={bar.key} bar={bar} at={at} />
        ))}
      </svg>
    </li>
  );
}

function Piece({ bar, at }: { bar: Bar; at: (seconds: number) => string }) {
  const [top, height] = SHAPES[bar.phase] ?? SHAPES["running"]!;
  const [x, width] = [at(bar.from), at(bar.to - bar.from)];
  return (
    <g class={`qf-piece qf-piece-${bar.phase}${bar.well ? "" : " qf-unwell"}`}>
      <title>{bar.words}</title>
      <rect x={x} y={top} width={width} height={height} />
      {!bar.well && <line class="qf-strike" x1={x} x2={at(bar.to)} y1={HEIGHT / 2} y2={HEIGHT / 2} />}
    </g>
  );
}

function Sample({ phase, well }: { phase: string; well: boolean }) {
  const [top, height] = SHAPES[phase]!;
  return (
    <span class="qf-sample">
      <svg width="22" height={HEIGHT} aria-hidden="true" class={`qf-piece qf-piece-${phase}${well ? "" : " qf-unwell"}`}>
        <rect x="0" y={top} width="22" height={height} />
        {!well && <line class="qf-strike" x1="0" x2="22" y1={HEIGHT / 2} y2={HEIGHT / 2} />}
      </svg>
      {well ? phase : "did not end well"}
    </span>
  );
}
