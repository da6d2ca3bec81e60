import { useState } from "preact/hooks";
import { KindIcon } from "../shared/icons";
import { selectedStep, useDesk } from "./desk";
import type { Argument, CircuitSource, Source } from "./model";
import { Piece } from "./piece";

const needed = (argument: Argument): boolean => argument.required ?? argument.text === null;

/** A circuit of the palette; one with arguments asks for them before it is added. */
export function Circuit({ circuit }: { circuit: CircuitSource }) {
  const desk = useDesk();
  const [open, setOpen] = useState(false);
  const [texts, setTexts] = useState<Record<string, string>>({});
  const text = (name: string, given: string | null) => texts[name] ?? given ?? "";
  const missing = circuit.parameters.some((one) => needed(one) && text(one.name, one.text) === "");
  const source = (): Source => {
    if (circuit.group === "notebook") return { notebook: circuit.id };
    const pairs = circuit.parameters.map((one) => [one.name, text(one.name, one.text)]);
    return { library: circuit.id, arguments: Object.fromEntries(pairs.filter(([, given]) => given !== "")) };
  };
  const add = (step: string | null) => {
    desk.edit({ do: "circuit", step, source: source() });
    setOpen(false);
  };
  const onto = (name: string | null) => {
    const step = desk.cell.steps.find((one) => one.name === name);
    if (missing) setOpen(true);
    else add(step?.kind === "circuit" ? step.name : null);
  };
  const current = selectedStep(desk);
  const required = circuit.parameters.filter(needed);
  const optional = circuit.parameters.filter((one) => !needed(one));
  const input = (one: Argument) => (
    <label key={one.name} title={one.hint}>
      <span>{one.name}</span>
      <input
        class="qfc-control qfc-mono"
        value={text(one.name, one.text)}
        required={needed(one)}
        spellcheck={false}
        onInput={(event) => setTexts({ ...texts, [one.name]: event.currentTarget.value })}
      />
      {one.hint && <span class="qf-sub">{one.hint}</span>}
    </label>
  );
  return (
    <>
      <Piece
        title={circuit.title}
        hint={circuit.summary}
        icon={<KindIcon kind="circuit" />}
        press={() => (circuit.parameters.length > 0 ? setOpen(!open) : add(null))}
        drop={onto}
      />
      {open && (
        <form
          class="qfc-arguments"
          aria-label={`Arguments of ${circuit.title}`}
          onSubmit={(event) => {
            event.preventDefault();
            if (!missing) add(null);
          }}
          onKeyDown={(event) => event.key === "Escape" && setOpen(false)}
        >
          {required.map(input)}
          {optional.length > 0 && (
            <details class="qfc-more" open={required.length === 0}>
              <summary>{optional.length} more</summary>
              {optional.map(input)}
            </details>
          )}
          <span class="qfc-with">
            <button type="submit" class="qf-button qfc-primary" disabled={missing || desk.lost}>
              Add
            </button>
            {current?.kind === "circuit" && (
              <button type="button" class="qf-button" disabled={missing || desk.lost} onClick={() => add(current.name)}>
                Replace {current.name}
              </button>
            )}
          </span>
        </form>
      )}
    </>
  );
}
