// What the kernel tells of the workflow in the making, and what the view may ask of it.
import type { AnyModel } from "@anywidget/types";
import type { Input, Snapshot } from "../run/model";

export type Kind = "text" | "int" | "float" | "bool" | "choice" | "other";

/** One thing that can be given or left away; `text` null is "not given". */
export interface Option {
  name: string;
  text: string | null;
  kind: Kind;
  choices: string[];
  hint: string;
}

export interface Dial {
  name: string;
  text: string;
  kind: Kind;
}

export interface Axis {
  name: string;
  text: string;
  count: number | null;
  unit: string | null;
}

export interface Gate {
  name: string;
  qubits: number[];
  column: number;
  parameters: string[];
}

export interface Gates {
  qubits: number;
  gates: Gate[];
}

export interface Step {
  name: string;
  kind: string;
  /** Parameters without a default, in order. */
  needs: string[];
  /** Of the needs, the steps. */
  edges: string[];
  injected: string[];
  inputs: string[];
  options: Option[];
  dims: [string, number | null][];
  code: string;
  line: number;
  problem: string | null;
  /** The circuit as a grid, when the code is plain gate calls. */
  gates: Gates | null;
}

export interface Problem {
  message: string;
  line: number | null;
  step: string | null;
}

/** A name of the notebook; `code` for modules, classes and functions, which are not drawn. */
export interface CellInput extends Input {
  code?: boolean;
}

export interface Cell {
  text: string;
  name: string;
  revision: number;
  can_undo: boolean;
  can_redo: boolean;
  /** Whether the run that is shown is of this very text. */
  ran: boolean;
  options: Option[];
  dials: Dial[];
  axes: Axis[];
  inputs: CellInput[];
  steps: Step[];
  problems: Problem[];
  readable: boolean;
}

/** Nothing is wrong with a cell that nobody has begun. */
export const isEmpty = (cell: Cell): boolean =>
  cell.readable &&
  cell.steps.length === 0 &&
  cell.problems.every((problem) => problem.line === null && problem.step === null);

export interface Argument {
  name: string;
  text: string | null;
  hint: string;
  /** Without a default, so that it has to be given. */
  required?: boolean;
}

export interface CircuitSource {
  id: string;
  group: string;
  title: string;
  summary: string;
  parameters: Argument[];
}

export interface GateType {
  name: string;
  title: string;
  qubits: number;
  parameters: number;
}

export interface Palette {
  kinds: { kind: string; title: string; hint: string }[];
  circuits: CircuitSource[];
  gates: GateType[];
  backends: string[];
}

export interface QuoteRow {
  step: string;
  [column: string]: string | null;
}

export interface Quote {
  state: "working" | "ready" | "failed";
  message: string | null;
  rows: QuoteRow[];
  total: Record<string, string | null>;
  /** What to know before it is spent. */
  warning: string | null;
  revision: number;
}

export type Places = Record<string, [number, number]>;

export type Source =
  | { library: string; arguments: Record<string, string> }
  | { notebook: string }
  | { qasm: string }
  | { gates: Gates };

export type Op =
  | { do: "add"; kind: string; name?: string; needs?: string[] }
  | { do: "remove"; step: string }
  | { do: "rename"; step: string; to: string }
  | { do: "connect" | "disconnect"; from: string; to: string }
  | { do: "option"; step: string; name: string; text: string | null }
  | { do: "magic" | "assign"; name: string; text: string | null }
  | { do: "title"; name: string }
  | { do: "code"; step: string; text: string }
  | { do: "circuit"; step: string | null; source: Source }
  | { do: "text"; text: string };

export type Message =
  | { type: "edit"; revision: number; op: Op }
  | { type: "undo" | "redo" | "quote" | "run" | "write" }
  | { type: "cancel"; step?: string }
  | { type: "pause" | "resume" };

export interface Refused {
  op: Op;
  message: string;
}

export interface Traits {
  cell: Partial<Cell>;
  palette: Partial<Palette>;
  quote: Partial<Quote> | null;
  run: Partial<Snapshot> | null;
  places: Places;
}

export type ComposerModel = AnyModel<Traits>;
