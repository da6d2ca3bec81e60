// Where the bars of the timeline stand. Pure: seconds in, rows out.
import { moment, plural } from "./format";
import type { Job, Snapshot, Step } from "./model";

/** Rows of one backend whose jobs overlap; more lie over each other. */
export const LANES = 6;

export interface Bar {
  key: string;
  from: number;
  to: number;
  /** `step`, or a phase of a job: `queued`, `transpiling`, `running`, `fetching`. */
  phase: string;
  /** False if it failed, was lost or cancelled. */
  well: boolean;
  open: boolean;
  /** What it is, in words. */
  words: string;
}

export interface Row {
  key: string;
  label: string;
  /** The step it is of, if that can be opened. */
  step: string | null;
  words: string;
  bars: Bar[];
}

const GOOD = new Set(["open", "settled", "done", "running", "waiting", "sent"]);

/** Rows for the steps that have begun, then for each backend with its jobs. */
export function rowsOf(run: Snapshot): Row[] {
  const now = run.elapsed;
  const steps = run.steps.flatMap((step) => stepRow(step, now));
  const backends = [...new Set((run.jobs ?? []).map((job) => job.backend))];
  return [...steps, ...backends.flatMap((name) => lanes(name, run.jobs ?? [], now))];
}

/** The last moment of all, at least a little after the start. */
export const lastOf = (run: Snapshot, rows: Row[]): number =>
  Math.max(run.elapsed, ...rows.flatMap((row) => row.bars.map((bar) => bar.to)), 0.01);

function stepRow(step: Step, now: number): Row[] {
  if (step.began === null || step.began === undefined) return [];
  const open = step.ended === null || step.ended === undefined;
  const to = Math.max(open ? now : step.ended!, step.began);
  const until = open ? "still" : `to ${moment(to)}`;
  const words = `${step.name}: ${step.state}, from ${moment(step.began)} ${until}`;
  const bar = { key: step.name, from: step.began, to, phase: "step", well: GOOD.has(step.state), open, words };
  return [{ key: `step ${step.name}`, label: step.name, step: step.name, words, bars: [bar] }];
}

function lanes(backend: string, jobs: Job[], now: number): Row[] {
  const mine = jobs.filter((job) => job.backend === backend).sort((a, b) => a.from - b.from);
  const packed: Job[][] = [];
  const free: number[] = [];
  for (const job of mine) {
    let lane = free.findIndex((end) => end <= job.from);
    if (lane < 0) lane = Math.min(packed.length, LANES - 1);
    (packed[lane] ??= []).push(job);
    free[lane] = Math.max(free[lane] ?? 0, job.to ?? Infinity);
  }
  const open = mine.filter((job) => job.to === null).length;
  const words = `${backend}: ${plural(mine.length, "job")}${open ? `, ${open} on their way` : ""}`;
  return packed.map((lane, i) => ({
    key: `${backend} ${i}`,
    label: i === 0 ? backend : "",
    step: null,
    words: i === 0 ? words : `${backend}, jobs beside those above: ${lane.length}`,
    bars: lane.flatMap((job) => barsOf(job, now)),
  }));
}

/** A bar for each phase; before the first it was on its way to the backend. */
export function barsOf(job: Job, now: number): Bar[] {
  const end = Math.max(job.to ?? now, job.from);
  const starts: [string, number][] = [["queued", job.from], ...job.phases];
  const words = jobWords(job, end);
  return starts
    .map(([phase, from], i) => ({
      key: `${job.job} ${i}`,
      from,
      to: Math.max(starts[i + 1]?.[1] ?? end, from),
      phase,
      well: GOOD.has(job.state),
      open: job.to === null,
      words,
    }))
    .filter((bar, i, all) => bar.to > bar.from || all.length === 1 || i === all.length - 1);
}

function jobWords(job: Job, end: number): string {
  const size = `${plural(job.circuits, "circuit")}, ${plural(job.shots, "shot")}`;
  const did = job.phases.map(([phase, at]) => `${phase} from ${moment(at)}`).join(", ");
  const when = `from ${moment(job.from)} ${job.to === null ? "still" : `to ${moment(end)}`}`;
  return [`${job.step} on ${job.backend}: ${job.state}`, when, size, did].filter(Boolean).join(", ");
}
