import { useEffect, useRef, useState } from "preact/hooks";
import { Glyph } from "../shared/icons";
import { CodeArea } from "./code-editor";
import { refusal, useDesk } from "./desk";
import { useUnique } from "../shared/ids";

/** The whole cell as text: to read and copy, or to change. */
export function TextView({ editing }: { editing: boolean }) {
  return editing ? <Editor /> : <Reader />;
}

function Reader() {
  const { cell, setStage, lost } = useDesk();
  const marked = new Set(cell.problems.map((problem) => problem.line));
  return (
    <section class="qfc-stage" aria-label="Text of the cell">
      <div class="qfc-stagebar">
        <span class="qf-sub">as a cell of the notebook</span>
        <span class="qfc-actions">
          <CopyButton />
          <button type="button" class="qf-button" disabled={lost} onClick={() => setStage({ show: "text", editing: true })}>
            Edit text
          </button>
        </span>
      </div>
      <pre class="qfc-text" tabIndex={0} aria-label="Text of the cell">
        {cell.text.split("\n").map((line, i) => (
          <span key={i} class={`qfc-line${marked.has(i + 1) ? " qfc-marked" : ""}`} data-line={i + 1}>
            {`${line}\n`}
          </span>
        ))}
      </pre>
    </section>
  );
}

function CopyButton() {
  const { cell, send } = useDesk();
  const [said, setSaid] = useState<string | null>(null);
  useEffect(() => {
    if (said === null) return;
    const timer = setTimeout(() => setSaid(null), 2500);
    return () => clearTimeout(timer);
  }, [said]);
  const copy = async () => {
    send({ type: "write" });
    try {
      await navigator.clipboard.writeText(cell.text);
      setSaid("Copied");
    } catch {
      setSaid("Not allowed here: select the text");
    }
  };
  return (
    <button type="button" class="qf-button qfc-with" onClick={copy}>
      <Glyph name={said === "Copied" ? "check" : "copy"} />
      <span role="status">{said ?? "Copy"}</span>
    </button>
  );
}

function Editor() {
  const desk = useDesk();
  const { cell, setStage, edit } = desk;
  const id = useUnique();
  const [text, setText] = useState(cell.text);
  const sent = useRef<string | null>(null);
  const refused = refusal(desk, (op) => op.do === "text");
  const leave = () => setStage({ show: "text", editing: false });
  // A text that the kernel took is shown; one that it refused stays to be mended.
  useEffect(() => {
    if (sent.current !== null) leave();
  }, [cell.revision]);
  useEffect(() => {
    if (refused) sent.current = null;
  }, [refused]);
  const apply = () => {
    if (text === cell.text) return leave();
    sent.current = text;
    edit({ do: "text", text });
  };
  return (
    <section class="qfc-stage" aria-label="Edit the text of the cell">
      <div class="qfc-stagebar">
        <label for={id} class="qf-sub">Text of the cell</label>
        <span class="qfc-actions">
          <button type="button" class="qf-button" onClick={leave}>
            Discard
          </button>
          <button type="button" class="qf-button qfc-primary" disabled={desk.lost} onClick={apply}>
            Apply
          </button>
        </span>
      </div>
      {refused && <p class="qfc-refused" role="alert">{refused}</p>}
      <CodeArea
        id={id}
        value={text}
        readOnly={desk.lost}
        invalid={refused !== null}
        set={(typed) => {
          desk.forgive();
          setText(typed);
        }}
        commit={apply}
      />
    </section>
  );
}
