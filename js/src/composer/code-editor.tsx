import { useRef } from "preact/hooks";
import { refusal, useDesk } from "./desk";
import { useDraft } from "./draft";
import { type Change, indent, opened } from "./indent";
import type { Step } from "./model";
import { useUnique } from "../shared/ids";

/** The function of a step. Sent on Ctrl+Enter, or on leaving it. */
export function CodeEditor({ step }: { step: Step }) {
  const desk = useDesk();
  const id = useUnique();
  const send = (text: string) => desk.edit({ do: "code", step: step.name, text });
  const draft = useDraft(step.code, send);
  const refused = refusal(desk, (op) => op.do === "code" && op.step === step.name);
  return (
    <div class="qfc-part">
      <h4 class="qfc-heading">
        <label for={id}>Code</label>
        <span class="qf-sub">{draft.dirty ? "not sent: Ctrl+Enter" : ""}</span>
      </h4>
      <CodeArea
        id={id}
        value={draft.text}
        readOnly={desk.lost}
        invalid={refused !== null}
        set={draft.set}
        commit={draft.commit}
        leave={draft.leave}
      />
      {refused && <span class="qfc-refused" role="alert">{refused}</span>}
    </div>
  );
}

interface AreaProps {
  id: string;
  value: string;
  readOnly: boolean;
  invalid: boolean;
  set: (text: string) => void;
  /** Ctrl+Enter was pressed. */
  commit: () => void;
  /** The text lost the focus. */
  leave?: () => void;
}

/** Text of Python: Tab indents, Enter keeps the indentation; after Escape, Tab leaves. */
export function CodeArea({ id, value, readOnly, invalid, set, commit, leave }: AreaProps) {
  const leaving = useRef(false);
  const keys = (event: KeyboardEvent) => {
    const area = event.currentTarget as HTMLTextAreaElement;
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      commit();
    } else if (event.key === "Escape") {
      leaving.current = true;
      event.stopPropagation();
      return;
    } else if (event.key === "Tab" && !leaving.current && !readOnly) {
      replace(area, indent(area.value, area.selectionStart, area.selectionEnd, event.shiftKey));
      set(area.value);
    } else if (event.key === "Enter" && !event.shiftKey && !readOnly) {
      replace(area, opened(area.value, area.selectionStart, area.selectionEnd));
      set(area.value);
    } else {
      leaving.current &&= event.key === "Tab" || event.key === "Shift";
      return;
    }
    leaving.current = false;
    event.preventDefault();
  };
  return (
    <textarea
      id={id}
      class="qfc-code"
      value={value}
      readOnly={readOnly}
      rows={Math.min(24, Math.max(4, value.split("\n").length))}
      wrap="off"
      spellcheck={false}
      autocomplete="off"
      aria-invalid={invalid}
      aria-description="Tab indents. Press Escape, then Tab, to leave."
      onInput={(event) => set(event.currentTarget.value)}
      onBlur={() => {
        leaving.current = false;
        leave?.();
      }}
      onKeyDown={keys}
    />
  );
}

/** Changes the text so that the browser's own undo knows of it, where it can. */
function replace(area: HTMLTextAreaElement, { start, end, text, select }: Change): void {
  area.setSelectionRange(start, end);
  const done =
    typeof document.execCommand === "function" &&
    document.execCommand(text === "" ? "delete" : "insertText", false, text);
  if (!done) area.setRangeText(text, start, end);
  area.setSelectionRange(...select);
}
