import { useState } from "preact/hooks";
import { refusal, useDesk } from "./desk";

interface Props {
  what: "dial" | "axis";
  example: string;
  disabled: boolean;
  add: (name: string, text: string) => void;
}

/** A name and a value for something new. */
export function Adder({ what, example, disabled, add }: Props) {
  const desk = useDesk();
  const [open, setOpen] = useState(false);
  const [name, setName] = useState("");
  const [text, setText] = useState("");
  const known = [...desk.cell.dials, ...desk.cell.axes].some((one) => one.name === name);
  const refused = refusal(desk, (op) => op.do === "assign" && op.name === name && !known);
  const complete = name.trim() !== "" && text.trim() !== "";
  if (!open) {
    return (
      <button type="button" class="qfc-quiet" disabled={disabled} onClick={() => setOpen(true)}>
        + {what}
      </button>
    );
  }
  const submit = (event: Event) => {
    event.preventDefault();
    if (!complete) return;
    add(name.trim(), text.trim());
    setName("");
    setText("");
    setOpen(false);
  };
  return (
    <form
      class="qfc-adder"
      aria-label={`New ${what}`}
      onSubmit={submit}
      onKeyDown={(event) => event.key === "Escape" && setOpen(false)}
    >
      <input
        class="qfc-control qfc-mono"
        aria-label={`Name of the ${what}`}
        placeholder="name"
        ref={(input) => void (input && name === "" && text === "" && input.focus())}
        value={name}
        onInput={(event) => setName(event.currentTarget.value)}
      />
      <span aria-hidden="true">=</span>
      <input
        class="qfc-control qfc-mono"
        aria-label={`Value of the ${what}`}
        placeholder={example}
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
      />
      <button type="submit" class="qf-button" disabled={!complete}>
        Add
      </button>
      {refused && <span class="qfc-refused" role="alert">{refused}</span>}
    </form>
  );
}
