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
  cached: { count: number; name: string; age: number } | null;
  /** Points that an earlier run of the workflow has made; age of the newest in seconds. */
  kept: { count: number; number: number | null; age: number } | null;
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
  cost: { machine_s: number; money?: string | null };
}

export type Message = { type: "cancel"; step?: string } | { type: "detach" };
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
