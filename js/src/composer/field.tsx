import { useState } from "preact/hooks";
import { trimmed, useDraft } from "./draft";
import type { Kind } from "./model";
import { Tool } from "./zoom-bar";
import { useUnique } from "../shared/ids";

interface Props {
  name: string;
  /** What is given, as in the cell; null for nothing. */
  text: string | null;
  kind: Kind;
  choices?: string[];
  hint?: string;
  /** What the kernel holds against the text, or null. */
  problem: string | null;
  disabled: boolean;
  send: (text: string | null) => void;
}

/** One option or value, as a form that suits its kind. */
export function Field({ name, text, kind, choices = [], hint = "", problem, disabled, send }: Props) {
  const id = useUnique();
  const [free, setFree] = useState(false);
  const draft = useDraft(text ?? "", (now) => send(now === "" ? null : now), trimmed);
  const advice = draft.dirty ? unlike(kind, draft.text) : null;
  const complaint = advice ?? problem;
  const described = [hint && `${id}-hint`, complaint && `${id}-problem`].filter(Boolean).join(" ");
  const common = {
    id,
    disabled,
    "aria-describedby": described || undefined,
    "aria-invalid": complaint !== null,
  };
  const list = kind === "bool" ? ["True", "False"] : choices;
  const choosing = (kind === "choice" || kind === "bool") && list.length > 0 && !free;
  return (
    <div class={`qfc-field${text === null ? "" : " qfc-given"}`}>
      <label for={id} title={hint || name}>{name}</label>
      {choosing ? (
        <select
          class="qfc-control"
          {...common}
          value={text ?? ""}
          onChange={(event) => {
            const { value } = event.currentTarget;
            if (value === OTHER) setFree(true);
            else send(value === "" ? null : value);
          }}
        >
          <option value="">not given</option>
          {text !== null && !list.includes(text) && <option value={text}>{text}</option>}
          {list.map((choice) => (
            <option key={choice} value={choice}>{choice}</option>
          ))}
          {kind === "choice" && <option value={OTHER}>other…</option>}
        </select>
      ) : (
        <input
          class="qfc-control qfc-mono"
          list={list.length > 0 ? `${id}-list` : undefined}
          {...common}
          inputMode={kind === "int" ? "numeric" : kind === "float" ? "decimal" : "text"}
          placeholder={hint || "not given"}
          spellcheck={false}
          autocomplete="off"
          {...draft.input}
        />
      )}
      {!choosing && list.length > 0 && (
        <datalist id={`${id}-list`}>
          {list.map((choice) => (
            <option key={choice} value={choice} />
          ))}
        </datalist>
      )}
      {text !== null && !disabled && <Tool glyph="close" name={`Take ${name} away`} press={() => send(null)} />}
      {hint && <span class="qfc-hint" id={`${id}-hint`}>{hint}</span>}
      {complaint && <span class="qfc-refused" id={`${id}-problem`} role="alert">{complaint}</span>}
    </div>
  );
}

/** Value of the entry that turns a list of choices into a field for text. */
const OTHER = "\u0000other";

/** What a text should look like, if it does not; the kernel has the last word. */
export function unlike(kind: Kind, text: string): string | null {
  const plain = text.trim().replaceAll("_", "");
  if (plain === "") return null;
  if (kind === "int" && !/^[+-]?\d+$/.test(plain)) return "a whole number, as 4096";
  if (kind === "float" && !Number.isFinite(Number(plain))) return "a number, as 0.01";
  return null;
}
