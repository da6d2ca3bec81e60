import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { type Part, all, gateAt, label, part, shown, span } from "./grid";
import type { Gate } from "./model";
import type { Bench } from "./placing";
import { useUnique } from "../shared/ids";

interface Props {
  bench: Bench;
  act: (qubit: number, column: number) => void;
}

/** The wires, the gates on them, and the cursor. */
export function GateGrid({ bench, act }: Props) {
  const { circuit, cursor, pending } = bench;
  const id = useUnique();
  const grid = useRef<HTMLDivElement>(null);
  const columns = shown(circuit, cursor);
  const cell = (qubit: number, column: number) => `${id}-${qubit}-${column}`;
  // Before the next key, which would be the notebook's: it deletes and cuts cells.
  useLayoutEffect(() => grid.current?.focus({ preventScroll: true }), []);
  useEffect(() => {
    document.getElementById(cell(cursor.qubit, cursor.column))?.scrollIntoView?.({ block: "nearest", inline: "nearest" });
  }, [cursor.column]);
  return (
    <div
      class="qfc-grid"
      ref={grid}
      role="grid"
      tabIndex={0}
      aria-label="Circuit"
      aria-rowcount={circuit.qubits}
      aria-colcount={columns}
      aria-activedescendant={cell(cursor.qubit, cursor.column)}
    >
      {all(circuit.qubits).map((qubit) => (
        <div key={qubit} class="qfc-wire" role="row">
          <span class="qfc-qubit" role="rowheader">{`q${qubit}`}</span>
          {all(columns).map((column) => {
            const gate = gateAt(circuit, { qubit, column });
            const here = cursor.qubit === qubit && cursor.column === column;
            const waiting = pending?.column === column && pending.qubits.includes(qubit);
            return (
              <span
                key={column}
                id={cell(qubit, column)}
                class={`qfc-cell${here ? " qfc-here" : ""}${pending?.column === column ? " qfc-lane" : ""}`}
                role="gridcell"
                aria-selected={here}
                aria-label={spoken(gate, qubit, column)}
                onClick={() => {
                  grid.current?.focus({ preventScroll: true });
                  act(qubit, column);
                }}
              >
                {gate && qubit === span(gate)[0] && <Line gate={gate} />}
                {gate && <Sign gate={gate} part={part(gate, qubit)} qubit={qubit} />}
                {waiting && <span class="qfc-sign qfc-control-dot qfc-waiting" />}
              </span>
            );
          })}
        </div>
      ))}
    </div>
  );
}

/** Joins the qubits of a gate, from the topmost down. */
function Line({ gate }: { gate: Gate }) {
  const [low, high] = span(gate);
  if (low === high || gate.name === "barrier" || gate.name === "measure_all") return null;
  return <span class="qfc-join" style={{ "--qfc-rows": high - low }} />;
}

function Sign({ gate, part, qubit }: { gate: Gate; part: Part; qubit: number }) {
  if (part !== "box") return <Mark part={part} />;
  const last = gate.qubits.at(-1) === qubit;
  return (
    <span class="qfc-sign qfc-box">
      {label(gate.name)}
      {gate.parameters.length > 0 && last && <small>{gate.parameters.join(", ")}</small>}
    </span>
  );
}

function Mark({ part }: { part: Exclude<Part, "box"> }) {
  switch (part) {
    case "control":
      return <span class="qfc-sign qfc-control-dot" />;
    case "barrier":
      return <span class="qfc-barrier" />;
    default:
      return (
        <svg class={`qfc-sign qfc-mark qfc-${part}`} viewBox="0 0 24 24" aria-hidden="true">
          {SHAPES[part]}
        </svg>
      );
  }
}

const SHAPES = {
  target: <path d="M12 3a9 9 0 1 0 0 18a9 9 0 1 0 0-18M12 3v18M3 12h18" />,
  swap: <path d="m6 6 12 12M18 6 6 18" />,
  measure: <path d="M1 1h22v22H1zM5 16a7 7 0 0 1 14 0M12 16l5-8" />,
};

/** A gate as its button shows it. */
export function GateBox({ name }: { name: string }) {
  if (name === "measure") return <Mark part="measure" />;
  if (name === "measure_all") return <span>M all</span>;
  if (name === "barrier") return <span class="qfc-barrier-sign" />;
  return <span>{/^c+[a-z]/.test(name) ? "•".repeat(/^c+/.exec(name)![0].length) + label(name) : label(name)}</span>;
}

function spoken(gate: Gate | undefined, qubit: number, column: number): string {
  const where = `qubit ${qubit}, column ${column + 1}`;
  if (!gate) return `${where}: empty`;
  const angles = gate.parameters.length > 0 ? ` of ${gate.parameters.join(", ")}` : "";
  const role = part(gate, qubit);
  const as = role === "control" || role === "target" ? `, ${role}` : "";
  return `${where}: ${gate.name}${angles}${as}`;
}
