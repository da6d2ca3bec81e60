import { useState } from "preact/hooks";
import { refusal, useDesk } from "./desk";
import { useUnique } from "../shared/ids";

const EXAMPLE = `OPENQASM 3.0;
include "stdgates.inc";
qubit[2] q;
h q[0];
cx q[0], q[1];`;

/** A field for OpenQASM, made into a circuit step. */
export function Qasm({ step }: { step: string | null }) {
  const desk = useDesk();
  const id = useUnique();
  const [text, setText] = useState("");
  const refused = refusal(desk, (op) => op.do === "circuit" && "qasm" in op.source);
  const empty = text.trim() === "";
  const send = () => !empty && desk.edit({ do: "circuit", step, source: { qasm: text } });
  const leave = () => desk.setStage({ show: "graph" });
  return (
    <section
      class="qfc-stage"
      aria-label="Paste OpenQASM"
      onKeyDown={(event) => {
        if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) send();
        else if (event.key === "Escape") leave();
      }}
    >
      <div class="qfc-stagebar">
        <label for={id}>OpenQASM 2 or 3{step && `, instead of ${step}`}</label>
        <span class="qfc-actions">
          <button type="button" class="qf-button" onClick={leave}>
            Discard
          </button>
          <button type="button" class="qf-button qfc-primary" disabled={empty || desk.lost} onClick={send}>
            {step ? "Replace" : "Make a circuit"}
          </button>
        </span>
      </div>
      {refused && <p class="qfc-refused" role="alert">{refused}</p>}
      <textarea
        id={id}
        class="qfc-code"
        placeholder={EXAMPLE}
        spellcheck={false}
        value={text}
        onInput={(event) => {
          desk.forgive();
          setText(event.currentTarget.value);
        }}
        ref={(area) => void (area && text === "" && area.focus())}
      />
    </section>
  );
}
