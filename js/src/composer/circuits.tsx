import { useState } from "preact/hooks";
import { Glyph, KindIcon } from "../shared/icons";
import { selectedStep, useDesk } from "./desk";
import type { Argument, CircuitSource, Source } from "./model";
import { Piece } from "./piece";

/** Above this many circuits there is a search. */
const MANY = 8;

interface Props {
  filter: string;
  setFilter: (text: string) => void;
}

/** Ways to a circuit: draw, paste, take one of the notebook or of the library. */
export function Circuits({ filter, setFilter }: Props) {
  const { palette, setStage, lost } = useDesk();
  const found = palette.circuits.filter((one) => matches(one, filter));
  const groups = [...new Set(palette.circuits.map((one) => one.group))].sort(notebookFirst);
  return (
    <>
      <div class="qfc-ways">
        <button type="button" class="qfc-way" disabled={lost} onClick={() => setStage({ show: "gates", step: null })}>
          <Glyph name="gates" />
          Draw gates
        </button>
        <button type="button" class="qfc-way" disabled={lost} onClick={() => setStage({ show: "qasm", step: null })}>
          <Glyph name="paste" />
          OpenQASM
        </button>
      </div>
      {palette.circuits.length > MANY && (
        <input
          type="search"
          class="qfc-search"
          aria-label="Search circuits"
          placeholder={`Search ${palette.circuits.length} circuits`}
          value={filter}
          onInput={(event) => setFilter(event.currentTarget.value)}
        />
      )}
      {groups.map((group) => {
        const members = found.filter((one) => one.group === group);
        if (members.length === 0) return null;
        return (
          <details key={group} class="qfc-group" open={group === "notebook" || filter !== ""}>
            <summary>
              {group === "library" ? "Qiskit library" : group === "notebook" ? "This notebook" : group}
              <span class="qf-number">{members.length}</span>
            </summary>
            <ul class="qfc-pieces">
              {members.map((one) => (
                <li key={one.id}>
                  <Circuit circuit={one} />
                </li>
              ))}
            </ul>
          </details>
        );
      })}
      {filter && found.length === 0 && <p class="qfc-aside">No circuit is called that.</p>}
    </>
  );
}

const notebookFirst = (a: string, b: string): number =>
  Number(b === "notebook") - Number(a === "notebook") || a.localeCompare(b);

function matches(circuit: CircuitSource, filter: string): boolean {
  const words = `${circuit.title} ${circuit.summary}`.toLowerCase();
  return filter.toLowerCase().split(/\s+/).every((word) => words.includes(word));
}

const needed = (argument: Argument): boolean => argument.required ?? argument.text === null;

/** A circuit of the palette; one with arguments asks for them before it is added. */
function Circuit({ circuit }: { circuit: CircuitSource }) {
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
          {circuit.parameters.map((one) => (
            <label key={one.name} title={one.hint}>
              <span>{one.name}</span>
              <input
                class="qfc-control qfc-mono"
                value={text(one.name, one.text)}
                required={needed(one)}
                onInput={(event) => setTexts({ ...texts, [one.name]: event.currentTarget.value })}
              />
              {one.hint && <span class="qf-sub">{one.hint}</span>}
            </label>
          ))}
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
