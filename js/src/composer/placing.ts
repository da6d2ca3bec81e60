// What a press or key does on the grid of gates: pure, so that it can be read and tested.
import { MOST_COLUMNS, type Spot, all, gateAt, made, put, removeAt } from "./grid";
import type { GateType, Gates } from "./model";

/** A gate of several qubits that is not complete; no type yet after the key c. */
export interface Pending {
  type: GateType | null;
  qubits: number[];
  column: number;
}

export interface Bench {
  circuit: Gates;
  cursor: Spot;
  /** The gate that a press places, or null. */
  armed: GateType | null;
  pending: Pending | null;
  /** What to tell the person. */
  say: string;
}

/** Gates that every circuit may have, beside those of the palette. */
const ALWAYS: GateType[] = [
  { name: "measure", title: "Measure", qubits: 1, parameters: 0 },
  { name: "barrier", title: "Barrier", qubits: 0, parameters: 0 },
];

export function gateTypes(given: GateType[]): GateType[] {
  const missing = ALWAYS.filter((type) => !given.some((one) => one.name === type.name));
  return [...given, ...missing];
}

const KEYS: Record<string, string> = {
  h: "h", x: "x", y: "y", z: "z", s: "s", t: "t", S: "sdg", T: "tdg", m: "measure", b: "barrier",
};

/** Presses the field at the cursor: with a gate in hand it goes there. */
export function press(bench: Bench): Bench {
  const { armed, pending } = bench;
  if (pending?.type) return join(bench, pending, pending.type);
  if (pending) return { ...bench, pending: null, say: "" };
  return armed ? place(bench, armed) : bench;
}

/** A letter at the cursor; null when it means nothing here. */
export function type(bench: Bench, key: string, types: GateType[]): Bench | null {
  if (key === "c") return control(bench);
  const base = KEYS[key];
  if (!base) return null;
  const controls = bench.pending && !bench.pending.type ? bench.pending.qubits : [];
  const name = "c".repeat(controls.length) + base;
  const found = types.find((one) => one.name === name);
  if (!found) return { ...bench, say: `There is no gate ${name}.` };
  if (controls.length > 0) return join(bench, bench.pending!, found);
  const placed = place(bench, found);
  return placed.pending ? placed : { ...placed, cursor: right(bench.cursor) };
}

/** Begins a controlled gate here, or makes this one more control of it. */
function control(bench: Bench): Bench {
  const { pending, cursor } = bench;
  const before = pending && !pending.type ? pending.qubits.filter((one) => one !== cursor.qubit) : [];
  const column = before.length > 0 ? pending!.column : cursor.column;
  return {
    ...bench,
    cursor: { ...cursor, column },
    pending: { type: null, qubits: [...before, cursor.qubit], column },
    say: "Control set: go to the target, press x, y, z or h.",
  };
}

function place(bench: Bench, type: GateType): Bench {
  const { circuit, cursor } = bench;
  if (type.qubits === 0) return placed(bench, type, all(circuit.qubits), cursor.column);
  if (type.qubits === 1) return placed(bench, type, [cursor.qubit], cursor.column);
  if (type.qubits > circuit.qubits) {
    return { ...bench, say: `${type.title} needs ${type.qubits} qubits; there are ${circuit.qubits}.` };
  }
  const pending = { type, qubits: [cursor.qubit], column: cursor.column };
  return { ...bench, pending, say: next(pending, type) };
}

/** One more qubit for a gate of several. */
function join(bench: Bench, pending: Pending, type: GateType): Bench {
  const { qubit } = bench.cursor;
  if (pending.qubits.includes(qubit)) return { ...bench, say: "Choose another qubit of the same column." };
  const qubits = [...pending.qubits, qubit];
  if (qubits.length < type.qubits) {
    const more = { ...pending, type, qubits };
    return { ...bench, pending: more, say: next(more, type) };
  }
  const done = placed(bench, type, qubits, pending.column);
  return pending.type ? done : { ...done, cursor: right(done.cursor) };
}

function placed(bench: Bench, type: GateType, qubits: number[], column: number): Bench {
  const circuit = put(bench.circuit, made(type, qubits, column));
  const cursor = { ...bench.cursor, column };
  return { ...bench, circuit, cursor, pending: null, say: "" };
}

const next = ({ qubits }: Pending, type: GateType): string =>
  `${type.title}: qubit ${qubits.length + 1} of ${type.qubits}. Esc gives up.`;

const right = (spot: Spot): Spot => ({ ...spot, column: Math.min(MOST_COLUMNS - 1, spot.column + 1) });

/** Goes to a field; a gate of several qubits keeps to its column. */
export function go(bench: Bench, qubit: number, column: number): Bench {
  const { circuit, pending } = bench;
  const within = (n: number, most: number) => Math.min(most - 1, Math.max(0, n));
  const cursor = {
    qubit: within(qubit, circuit.qubits),
    column: pending?.column ?? within(column, MOST_COLUMNS),
  };
  return { ...bench, cursor };
}

/** Takes away the gate at the cursor; with `back` the one before it, as in a text. */
export function erase(bench: Bench, back: boolean): Bench {
  const { circuit, cursor } = bench;
  const before = back && !gateAt(circuit, cursor);
  const spot = before ? { ...cursor, column: Math.max(0, cursor.column - 1) } : cursor;
  return { ...bench, cursor: spot, circuit: removeAt(circuit, spot), pending: null, say: "" };
}
