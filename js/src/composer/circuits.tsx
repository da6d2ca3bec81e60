import { Glyph } from "../shared/icons";
import { Circuit } from "./circuit";
import { useDesk } from "./desk";
import type { CircuitSource } from "./model";

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
