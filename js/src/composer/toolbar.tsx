import { useEffect, useState } from "preact/hooks";
import { Glyph } from "../shared/icons";
import { refusal, useDesk } from "./desk";
import { trimmed, useDraft } from "./draft";
import { isEmpty } from "./model";
import { count } from "./words";
import { Tool } from "./zoom-bar";

/** Name, state, and what can be done with the whole workflow. */
export function Toolbar() {
  const desk = useDesk();
  const { cell, stage, setStage, send, lost } = desk;
  const text = stage.show === "text";
  return (
    <header class="qfc-toolbar">
      <Title />
      <Verdict />
      <span class="qfc-tools">
        <Tool glyph="undo" name="Undo (Ctrl+Z)" disabled={lost || !cell.can_undo} press={() => send({ type: "undo" })} />
        <Tool glyph="redo" name="Redo (Ctrl+Shift+Z)" disabled={lost || !cell.can_redo} press={() => send({ type: "redo" })} />
      </span>
      <span class="qfc-switch" role="group" aria-label="Show">
        <button type="button" aria-pressed={!text} onClick={() => setStage({ show: "graph" })}>
          Graph
        </button>
        <button type="button" aria-pressed={text} onClick={() => setStage({ show: "text", editing: false })}>
          Text
        </button>
      </span>
      <Actions />
    </header>
  );
}

function Title() {
  const desk = useDesk();
  const draft = useDraft(desk.cell.name, (name) => desk.edit({ do: "title", name }), trimmed);
  const refused = refusal(desk, (op) => op.do === "title");
  return (
    <span class="qfc-titlebox">
      <input
        class="qfc-title"
        aria-label="Name of the workflow"
        placeholder="name"
        spellcheck={false}
        size={Math.max(6, Math.min(28, draft.text.length + 1))}
        readOnly={desk.lost}
        aria-invalid={refused !== null}
        {...draft.input}
      />
      {refused && <span class="qfc-refused" role="alert">{refused}</span>}
    </span>
  );
}

/** In one word whether it can run. */
function Verdict() {
  const { cell, lost } = useDesk();
  const [state, glyph, words] = lost
    ? (["failed", "warn", "kernel gone"] as const)
    : isEmpty(cell)
      ? (["waiting", "plus", "empty"] as const)
      : cell.problems.length > 0 || !cell.readable
        ? (["partial", "warn", count(Math.max(cell.problems.length, 1), "problem")] as const)
        : (["done", "check", "can run"] as const);
  return (
    <span class={`qf-state qfc-verdict qf-is-${state}`} role="status">
      <Glyph name={glyph} />
      {words}
    </span>
  );
}

function Actions() {
  const { cell, quote, run, send, lost, refused } = useDesk();
  const [pressed, setPressed] = useState(false);
  useEffect(() => setPressed(false), [run?.run, run?.state, cell.revision, refused]);
  const ready = !lost && cell.readable && cell.steps.length > 0 && cell.problems.length === 0;
  const running = run?.state === "running" && !lost;
  const current = quote?.state === "ready" && quote.revision === cell.revision;
  const cost = current ? priced(quote.total["cost"]) : null;
  const warning = current ? quote.warning : null;
  const press = () => {
    setPressed(true);
    send({ type: running ? "cancel" : "run" });
  };
  return (
    <span class="qfc-actions">
      {warning && !running && (
        <span class="qf-state qf-is-partial qfc-warning" role="status">
          <Glyph name="warn" />
          {warning}
        </span>
      )}
      <button
        type="button"
        class="qf-button"
        disabled={!ready || quote?.state === "working"}
        onClick={() => send({ type: "quote" })}
        title="What a run would take, and cost; nothing is submitted"
      >
        Quote
      </button>
      {running ? (
        <button type="button" class="qf-button qf-danger qfc-with" disabled={pressed} onClick={press}>
          <Glyph name="stop" />
          {pressed ? "Cancelling…" : "Cancel run"}
        </button>
      ) : (
        <button type="button" class="qf-button qfc-primary qfc-with" disabled={!ready || pressed} onClick={press}>
          <Glyph name="play" />
          {pressed ? "Starting…" : cost ? `Run · ${cost}` : "Run"}
        </button>
      )}
    </span>
  );
}

/** A cost that is more than nothing, to be seen before one presses. */
const priced = (cost: string | null | undefined): string | null =>
  cost && /[1-9]/.test(cost) ? cost : null;
