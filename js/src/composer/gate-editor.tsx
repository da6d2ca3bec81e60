import { useRef, useState } from "preact/hooks";
import { Glyph } from "../shared/icons";
import { refusal, useDesk } from "./desk";
import { GateBox, GateGrid } from "./gate-grid";
import { EMPTY, MOST_QUBITS, gateAt, resize, withParameter } from "./grid";
import type { GateType, Gates } from "./model";
import { type Bench, erase, gateTypes, go, press, type } from "./placing";
import { Tool } from "./zoom-bar";

interface Props {
  step: string | null;
  start: Gates | null;
}

/** Draws a circuit of up to 8 qubits and 40 columns, by mouse or by keys. */
export function GateEditor({ step, start }: Props) {
  const desk = useDesk();
  const first = start ?? EMPTY;
  const [bench, setBench] = useState<Bench>({
    circuit: first,
    cursor: { qubit: 0, column: 0 },
    armed: null,
    pending: null,
    say: "",
  });
  const [past, setPast] = useState<Gates[]>([]);
  const types = gateTypes(desk.palette.gates);
  const { circuit } = bench;
  const change = (to: Bench) => {
    desk.forgive();
    if (to.circuit !== circuit) setPast([...past, circuit]);
    setBench(to);
  };
  const undo = () => {
    const before = past.at(-1);
    if (!before) return;
    setPast(past.slice(0, -1));
    setBench({ ...bench, circuit: before, pending: null, say: "" });
    if (past.length === 1) toGrid();
  };
  const leave = () => desk.setStage({ show: "graph" });
  const save = () => desk.edit({ do: "circuit", step, source: { gates: circuit } });
  const refused = refusal(desk, (op) => op.do === "circuit" && "gates" in op.source);

  /** Keys are those of the grid wherever the focus is, but for a field and a button's own. */
  const keys = (event: KeyboardEvent) => {
    const { qubit, column } = bench.cursor;
    const ctrl = event.ctrlKey || event.metaKey;
    const on = event.target instanceof Element ? event.target : null;
    if (on?.closest("input") || (on?.closest("button") && !ctrl && [" ", "Enter"].includes(event.key))) return;
    if (ctrl && event.key.toLowerCase() === "z") undo();
    else if (ctrl && event.key === "Enter") save();
    else if (ctrl || event.altKey) return;
    else if (event.key === "ArrowUp") change(go(bench, qubit - 1, column));
    else if (event.key === "ArrowDown") change(go(bench, qubit + 1, column));
    else if (event.key === "ArrowLeft") change(go(bench, qubit, column - 1));
    else if (event.key === "ArrowRight") change(go(bench, qubit, column + 1));
    else if (event.key === "Home") change(go(bench, qubit, 0));
    else if (event.key === "Enter" || event.key === " ") change(press(bench));
    else if (event.key === "Delete") change(erase(bench, false));
    else if (event.key === "Backspace") change(erase(bench, true));
    else if (event.key === "Escape" && (bench.pending || bench.armed)) {
      setBench({ ...bench, pending: null, armed: null, say: "" });
    } else {
      const typed = type(bench, event.key, types);
      if (!typed) return;
      change(typed);
    }
    event.preventDefault();
    event.stopPropagation();
  };
  const arm = (gate: GateType) => {
    const armed = bench.armed?.name === gate.name ? null : gate;
    setBench({ ...bench, armed, pending: null, say: armed ? `${gate.title}: press a field.` : "" });
  };
  const stage = useRef<HTMLElement>(null);
  /** A button that can be pressed no more hears no keys: the notebook would. */
  const toGrid = () => stage.current?.querySelector<HTMLElement>("[role=grid]")?.focus({ preventScroll: true });
  const setQubits = (qubits: number) => {
    change(go({ ...bench, circuit: resize(circuit, qubits) }, bench.cursor.qubit, bench.cursor.column));
    if (qubits === 1 || qubits === MOST_QUBITS) toGrid();
  };
  return (
    <section class="qfc-stage qfc-gates" ref={stage} onKeyDown={keys} aria-label={step ? `Gates of ${step}` : "New circuit"}>
      <div class="qfc-stagebar">
        <b>{step ?? "New circuit"}</b>
        <Qubits count={circuit.qubits} set={setQubits} />
        <Tool glyph="undo" name="Undo the last gate (Ctrl+Z)" disabled={past.length === 0} press={undo} />
        <span class="qfc-actions">
          <button type="button" class="qf-button" onClick={leave}>
            Discard
          </button>
          <button type="button" class="qf-button qfc-primary" disabled={desk.lost || circuit === start} onClick={save}>
            {step ? "Save gates" : "Make a circuit"}
          </button>
        </span>
      </div>
      {refused && <p class="qfc-refused" role="alert">{refused}</p>}
      <GateChoice types={types} armed={bench.armed} arm={arm} />
      <GateGrid bench={bench} act={(qubit, column) => change(press(go(bench, qubit, column)))} />
      <Parameters bench={bench} change={change} />
      <p class="qfc-say">
        <span role="status">{bench.say}</span>
        {!bench.say && (
          <span class="qf-sub">
            Arrows move · h x y z s t m b place · c starts a controlled gate · Delete removes
          </span>
        )}
      </p>
    </section>
  );
}

function Qubits({ count, set }: { count: number; set: (count: number) => void }) {
  return (
    <span class="qfc-with" role="group" aria-label="Number of qubits">
      <Tool glyph="minus" name="One qubit less" disabled={count <= 1} press={() => set(count - 1)} />
      <span class="qf-number">{`${count} qubit${count === 1 ? "" : "s"}`}</span>
      <Tool glyph="plus" name="One qubit more" disabled={count >= MOST_QUBITS} press={() => set(count + 1)} />
    </span>
  );
}

interface ChoiceProps {
  types: GateType[];
  armed: GateType | null;
  arm: (gate: GateType) => void;
}

function GateChoice({ types, armed, arm }: ChoiceProps) {
  return (
    <div class="qfc-choice" role="group" aria-label="Gates">
      {types.map((gate) => (
        <button
          key={gate.name}
          type="button"
          class="qfc-gate-button"
          aria-pressed={armed?.name === gate.name}
          aria-label={gate.title}
          title={gate.title}
          onClick={() => arm(gate)}
        >
          <GateBox name={gate.name} />
        </button>
      ))}
    </div>
  );
}

function Parameters({ bench, change }: { bench: Bench; change: (bench: Bench) => void }) {
  const gate = gateAt(bench.circuit, bench.cursor);
  if (!gate || gate.parameters.length === 0) return null;
  return (
    <div class="qfc-parameters">
      <Glyph name="dial" />
      {gate.parameters.map((text, i) => {
        const name = gate.parameters.length > 1 ? `angle ${i + 1} of ${gate.name}` : `angle of ${gate.name}`;
        return (
          <label key={i}>
            {name}
            <input
              class="qfc-control qfc-mono"
              value={text}
              spellcheck={false}
              onInput={(event) =>
                change({ ...bench, circuit: withParameter(bench.circuit, gate, i, event.currentTarget.value) })
              }
            />
          </label>
        );
      })}
    </div>
  );
}
