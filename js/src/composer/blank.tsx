import { KindIcon } from "../shared/icons";
import { useDesk } from "./desk";

/** What stands on a canvas without steps: how to begin. */
export function Blank() {
  const { edit, setStage, lost } = useDesk();
  return (
    <div class="qfc-blank">
      <p class="qfc-blank-title">Start with a circuit</p>
      <p>Draw one, or take one from the palette. Then add a step that samples or estimates it.</p>
      <p class="qfc-blank-ways">
        <button type="button" class="qf-button qfc-primary" disabled={lost} onClick={() => setStage({ show: "gates", step: null })}>
          <KindIcon kind="circuit" />
          Draw gates
        </button>
        <button type="button" class="qf-button" disabled={lost} onClick={() => edit({ do: "add", kind: "circuit" })}>
          Empty circuit step
        </button>
        <button type="button" class="qf-button" disabled={lost} onClick={() => setStage({ show: "qasm", step: null })}>
          Paste OpenQASM
        </button>
      </p>
    </div>
  );
}
