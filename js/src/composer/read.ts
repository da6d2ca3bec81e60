// The traits with every field present, whatever version of the kernel sent them.
import { type Snapshot, complete } from "../run/model";
import type { Cell, ComposerModel, Option, Palette, Places, Quote, Step } from "./model";

export interface Told {
  cell: Cell;
  palette: Palette;
  quote: Quote | null;
  run: Snapshot | null;
  places: Places;
}

const CELL: Cell = {
  text: "",
  name: "",
  revision: 0,
  can_undo: false,
  can_redo: false,
  ran: false,
  options: [],
  dials: [],
  axes: [],
  inputs: [],
  steps: [],
  problems: [],
  readable: true,
};

const STEP: Step = {
  name: "",
  kind: "step",
  needs: [],
  edges: [],
  injected: [],
  inputs: [],
  options: [],
  dims: [],
  code: "",
  line: 0,
  problem: null,
  gates: null,
};

const OPTION: Option = { name: "", text: null, kind: "text", choices: [], hint: "" };
const PALETTE: Palette = { kinds: [], circuits: [], gates: [], backends: [] };
const QUOTE: Quote = { state: "working", message: null, rows: [], total: {}, warning: null, revision: 0 };

const options = (given: Option[]): Option[] => given.map((one) => ({ ...OPTION, ...one }));
const step = (given: Step): Step => {
  const whole = { ...STEP, ...given };
  return { ...whole, options: options(whole.options) };
};

export function readCell(given: Partial<Cell>): Cell {
  const whole = { ...CELL, ...given };
  return { ...whole, options: options(whole.options), steps: whole.steps.map(step) };
}

const NOWHERE: Places = {};

/** All that was told; the cell is given, so that it stays the same while it does not change. */
export function read(model: ComposerModel, cell: Cell): Told {
  const [quote, run] = [model.get("quote"), model.get("run")];
  return {
    cell,
    palette: { ...PALETTE, ...model.get("palette") },
    quote: quote ? { ...QUOTE, ...quote } : null,
    run: run ? complete(run) : null,
    places: model.get("places") ?? NOWHERE,
  };
}
