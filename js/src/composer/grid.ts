// The circuit as a grid of qubits and columns. Every change gives a new circuit.
import type { Gate, GateType, Gates } from "./model";

export const MOST_QUBITS = 8;
export const MOST_COLUMNS = 40;
export const EMPTY: Gates = { qubits: 2, gates: [] };

export interface Spot {
  qubit: number;
  column: number;
}

/** The rows that a gate takes up: what stands between its qubits is covered too. */
export const span = (gate: Gate): [number, number] => [
  Math.min(...gate.qubits),
  Math.max(...gate.qubits),
];

export const gateAt = ({ gates }: Gates, { qubit, column }: Spot): Gate | undefined =>
  gates.find((gate) => gate.column === column && gate.qubits.includes(qubit));

const overlaps = (a: Gate, b: Gate): boolean => {
  const [[low, high], [other, top]] = [span(a), span(b)];
  return a.column === b.column && low <= top && other <= high;
};

const inOrder = (gates: Gate[]): Gate[] =>
  [...gates].sort((a, b) => a.column - b.column || span(a)[0] - span(b)[0]);

/** With the gate, instead of all that stood in its place. */
export function put(circuit: Gates, gate: Gate): Gates {
  const others = circuit.gates.filter((other) => !overlaps(gate, other));
  return { ...circuit, gates: inOrder([...others, gate]) };
}

export function removeAt(circuit: Gates, spot: Spot): Gates {
  const gate = gateAt(circuit, spot);
  return gate ? { ...circuit, gates: circuit.gates.filter((one) => one !== gate) } : circuit;
}

const WHOLE = new Set(["barrier", "measure_all"]);

/** With another number of qubits; what is over all of them stays so. */
export function resize(circuit: Gates, qubits: number): Gates {
  const gates = circuit.gates.flatMap((gate) => {
    if (WHOLE.has(gate.name) && gate.qubits.length === circuit.qubits) {
      return [{ ...gate, qubits: all(qubits) }];
    }
    return span(gate)[1] < qubits ? [gate] : [];
  });
  return { qubits, gates };
}

export const all = (qubits: number): number[] => Array.from({ length: qubits }, (_, i) => i);

/** Columns up to the last gate. */
export const depth = ({ gates }: Gates): number => Math.max(0, ...gates.map((gate) => gate.column + 1));

/** How many columns to show: room to go on, never more than there may be. */
export const shown = (circuit: Gates, cursor: Spot): number =>
  Math.min(MOST_COLUMNS, Math.max(20, depth(circuit) + 4, cursor.column + 2));

export function withParameter(circuit: Gates, gate: Gate, index: number, text: string): Gates {
  const parameters = gate.parameters.map((old, i) => (i === index ? text : old));
  return { ...circuit, gates: circuit.gates.map((one) => (one === gate ? { ...one, parameters } : one)) };
}

export const made = (type: GateType, qubits: number[], column: number): Gate => ({
  name: type.name,
  qubits,
  column,
  parameters: Array.from({ length: type.parameters }, () => "pi/2"),
});

export type Part = "control" | "target" | "swap" | "measure" | "barrier" | "box";

const CONTROLLED = /^(c+)(x|y|z|h|s|sdg|sx|rx|ry|rz|p|u|swap)$/;

/** What a gate draws on one of its qubits. */
export function part(gate: Gate, qubit: number): Part {
  if (gate.name === "barrier") return "barrier";
  if (gate.name.startsWith("measure")) return "measure";
  const [, controls = "", base = gate.name] = CONTROLLED.exec(gate.name) ?? [];
  if (gate.qubits.indexOf(qubit) < controls.length) return "control";
  if (base === "swap") return "swap";
  return base === "x" && controls !== "" ? "target" : "box";
}

const LABELS: Record<string, string> = {
  sdg: "S†", tdg: "T†", sx: "√X", sxdg: "√X†", id: "I", reset: "|0⟩", iswap: "iSw", rx: "Rx", ry: "Ry", rz: "Rz",
};

/** What stands in the box of a gate. */
export function label(name: string): string {
  const base = CONTROLLED.exec(name)?.[2] ?? name;
  return LABELS[base] ?? base.toUpperCase();
}
