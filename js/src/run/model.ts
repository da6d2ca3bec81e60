// What the kernel tells of a run, and what the view may ask of it.
import type { AnyModel } from "@anywidget/types";

export type State = "waiting" | "running" | "done" | "failed" | "skipped" | "cancelled" | "partial";
export type RunState = "running" | "done" | "failed" | "paused" | "cancelled";

export interface Step {
  name: string;
  kind: string;
  needs: string[];
  inputs: string[];
  dims: [string, number][];
  backend: string | null;
  total: number;
  /** Points by the scheduler's state names. */
  counts: Record<string, number>;
  state: State;
  phase: string | null;
  seconds: number | null;
  error: string | null;
  jobs: number;
  calls: number | null;
  /** Points or calls that took results of other runs; age of the newest in seconds. */
  cached: { count: number; name: string; age: number; part?: Part | null } | null;
  /** Points that an earlier run of the workflow has made; age of the newest in seconds. */
  kept: { count: number; number: number | null; age: number } | null;
  /** Seconds from the start of the run to its first and last moment. */
  began?: number | null;
  ended?: number | null;
  traceback?: string | null;
  /** Unit of its axis, if it has one axis with a unit. */
  unit?: string | null;
  results?: Results | null;
}

/** How much was there of results that had to be completed; not known of an old run. */
export interface Part {
  found?: number;
  asked?: number;
  unit: string;
}

/** How often outcomes were measured at one point; `counts` is empty if nobody counted. */
export interface Histogram {
  label: string;
  backend?: string | null;
  shots: number;
  /** Outcomes that were seen, of which `counts` has the most frequent. */
  outcomes: number;
  counts: [string, number][];
}

/** Values of one backend, or of one place on other axes. */
export interface Series {
  label: string;
  backend: string | null;
  /** Place, value and standard error; null where a number is not finite. */
  values: [number, number | null, number | null][];
}

export interface Estimates {
  series: Series[];
  /** The axis drawn along, and its unit. */
  axis: string | null;
  unit: string | null;
  /** Name of the point that ended last. */
  point: string;
  /** Whether these are the latest points of `total`, or the first values of one. */
  which: "latest" | "first";
  total: number;
  /** Whether the places are values of the step's axis, not a running number. */
  placed: boolean;
}

/** What the points of a step that ended last have. */
export type Results = { counts: Histogram[] } | Estimates;

/** Something that happened, perhaps several times; seconds since the start of the run. */
export interface Happening {
  kind: string;
  words: string;
  at: number;
  first: number;
  times: number;
}

/** A job on a backend; seconds since the start of the run. */
export interface Job {
  job: string;
  step: string;
  backend: string;
  from: number;
  to: number | null;
  /** What it began to do when. */
  phases: [string, number][];
  state: string;
  provider_job: string | null;
  circuits: number;
  shots: number;
  cost: string | null;
}

export interface Budget {
  spent: number;
  /** Kept back for jobs on their way. */
  reserved: number;
  cap: number;
  unit: string;
}

export interface Input {
  name: string;
  summary: string;
}

export interface Metric {
  step: string;
  name: string;
  /** Newest last; null where it was not finite. */
  values: (number | null)[];
  /** Running index of the first value. */
  first: number;
}

export interface Snapshot {
  name: string;
  run: string;
  state: RunState;
  /** Seconds since the start, when the kernel sent this. */
  elapsed: number;
  message: string | null;
  steps: Step[];
  inputs: Input[];
  metrics: Metric[];
  cost: { machine_s: number; money?: string | null; budget?: Budget | null };
  paused?: boolean;
  /** Newest first. */
  events?: Happening[];
  /** Retries and the like in words. */
  trouble?: string | null;
  /** Of each backend whose results are drawn. */
  colours?: Record<string, string>;
  /** What the kernel left out to keep its messages small, in words. */
  omitted?: string[];
  /** The latest of `jobs_total`. */
  jobs?: Job[];
  jobs_total?: number;
}

export type Message =
  | { type: "cancel"; step?: string }
  | { type: "detach" }
  | { type: "pause" }
  | { type: "resume" };
export type RunModel = AnyModel<{ snapshot: Partial<Snapshot> }>;

const STEP: Step = {
  name: "",
  kind: "step",
  needs: [],
  inputs: [],
  dims: [],
  backend: null,
  total: 0,
  counts: {},
  state: "waiting",
  phase: null,
  seconds: null,
  error: null,
  jobs: 0,
  calls: null,
  cached: null,
  kept: null,
};

/** The snapshot with every field present, whatever version of the kernel sent it. */
export function complete(got: Partial<Snapshot>): Snapshot {
  return {
    name: got.name ?? "",
    run: got.run ?? "",
    state: got.state ?? "running",
    elapsed: got.elapsed ?? 0,
    message: got.message ?? null,
    steps: (got.steps ?? []).map((step) => ({ ...STEP, ...step })),
    inputs: got.inputs ?? [],
    metrics: got.metrics ?? [],
    cost: got.cost ?? { machine_s: 0 },
    paused: got.paused ?? false,
    events: got.events ?? [],
    trouble: got.trouble ?? null,
    colours: got.colours ?? {},
    omitted: got.omitted ?? [],
    jobs: got.jobs ?? [],
    jobs_total: got.jobs_total ?? got.jobs?.length ?? 0,
  };
}

export const read = (model: RunModel): Snapshot => complete(model.get("snapshot") ?? {});

export const ended = (run: Snapshot): boolean => run.state !== "running";

/** Points of a step, summed into what the bar shows. */
export function tally(step: Step): { done: number; failed: number; dropped: number } {
  const count = (...states: string[]) => states.reduce((sum, s) => sum + (step.counts[s] ?? 0), 0);
  return {
    done: count("done"),
    failed: count("failed"),
    dropped: count("skipped", "cancelled", "abandoned"),
  };
}
