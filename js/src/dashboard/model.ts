// What the kernel tells of the runs it has kept, and what the view may ask of it.
import type { AnyModel } from "@anywidget/types";

export interface Filter {
  since?: number;
  until?: number;
  name?: string;
  state?: string;
  backend?: string;
  kind?: string;
}
export type Dimension = "name" | "state" | "backend" | "kind";

/** An amount in one currency. Amounts of two currencies are never added. */
export interface Money {
  currency: string;
  cost: number;
  /** Of it, what open jobs may cost at most. */
  at_most?: number;
}

export interface BackendRow {
  name: string;
  jobs: number;
  machine_s: number;
  qpu_s: number;
  queue_s: number;
  money: Money[];
}

export interface KindRow {
  name: string;
  steps: number;
  points: number;
  failed: number;
  kept: number;
  cached: number;
  wall_s: number;
  money: Money[];
}

export interface Quoted {
  backend: string;
  currency: string;
  jobs: number;
  /** Means of these jobs. */
  quoted: number;
  cost: number | null;
  quoted_in_all: number;
  cost_in_all: number | null;
  /** Jobs that cost no less and no more than the interval of their quote. */
  within: number;
}

export interface Failure {
  name: string;
  step: string;
  kind: string | null;
  failed: number;
  points: number;
  runs: number;
  error: string | null;
  run: string;
}

export interface RunRow {
  run: string;
  number: number;
  name: string;
  state: string;
  started: number;
  wall_s: number | null;
  points: number;
  done: number;
  failed: number;
  backends: string[] | null;
  money: Money[];
  error: string | null;
}

export interface Charts {
  time: { start: number; state: string; runs: number }[];
  states: { state: string; runs: number }[];
  names: { name: string; runs: number; failed: number; latest: number }[];
  backends: BackendRow[];
  kinds: KindRow[];
  quoted: Quoted[];
  failures: Failure[];
  runs: RunRow[];
}
export type ChartName = keyof Charts | "kind_costs";

export interface Dashboard {
  view: "dashboard";
  /** What did not fit into the message, in words. */
  omitted?: string[];
  /** Number of the question that this answers. */
  n: number;
  filter: Filter;
  /** Runs there are, whatever the filter. */
  total: number;
  since: number;
  until: number;
  /** Seconds of a bin of the time axis. */
  width: number;
  totals: {
    runs: number;
    points: number;
    failed: number;
    kept: number;
    cached: number;
    jobs: number;
    machine_s: number;
    qpu_s: number;
    money: Money[];
  };
  charts: Charts;
  sql: Record<ChartName, string>;
  colours: Record<string, string>;
  open: { run: string; state: string; html: string; line: string } | null;
  message: string | null;
}

export interface Qubit {
  t1?: number;
  t2?: number;
  readout?: number;
  readout_s?: number;
  error?: number;
  gate_s?: number;
}

export interface Pair {
  a: number;
  b: number;
  error?: number;
  gate_s?: number;
}

export interface Device {
  name: string;
  colour: string;
  about: string;
  note: string;
  num_qubits: number | null;
  calibrated: string | null;
  one_qubit_gate: string | null;
  two_qubit_gate: string | null;
  /** Where the qubits stand, each from 0 to 1; empty where there is no map. */
  places: [number, number][];
  /** Height of the map over its width. */
  aspect: number;
  qubits: Qubit[];
  pairs: Pair[];
}

export interface Candidate {
  backend: string;
  cost: string;
  time: string;
  wait: string;
  success: string;
  success_value: number | null;
  front: boolean;
  ruled_out: string;
}

export interface Backends {
  view: "backends";
  /** What did not fit into the message, in words. */
  omitted?: string[];
  devices: Device[];
  choice: { title: string; sentence: string; candidates: Candidate[] } | null;
  message: string | null;
  /** Whether the quotes of the workflow are on their way. */
  working?: boolean;
}

export interface Section {
  title: string;
  columns: string[];
  rows: string[][];
  lines: string[];
  more: string | null;
}

export interface Compared {
  view: "compare";
  /** What did not fit into the message, in words. */
  omitted?: string[];
  n: number;
  a: string;
  b: string;
  /** Runs that one may choose instead, newest first. */
  runs: { label: string; about: string }[];
  verdict: "differ" | "agree" | "changed" | "untested";
  tested: number;
  differing: number;
  level: number;
  changed: string[];
  sentences: string[];
  differences: Section[];
  results: Section[];
  spent: Section[];
  message: string | null;
}

export type State = Dashboard | Backends | Compared;
export type Message =
  | ({ type: "filter"; n: number } & Filter)
  | { type: "open"; run: string }
  | { type: "close" }
  | { type: "refresh" }
  | { type: "compare"; n: number; a: string; b: string };
export type ExplorerModel = AnyModel<{ state: State }>;
export type Send = (message: Message) => void;
