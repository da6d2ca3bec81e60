// What colours and patterns stand for.
import { StateIcon } from "../shared/icons";
import { STATES } from "./bins";
import { count } from "./format";

interface StatesProps {
  rows: { state: string; runs: number }[];
  chosen: string | undefined;
  choose: (state: string) => void;
}

/** The legend of the states; each is a filter. */
export function States({ rows, chosen, choose }: StatesProps) {
  const known = STATES.map((state) => rows.find((row) => row.state === state)).filter((row) => row !== undefined);
  return (
    <div class="qx-legend" role="group" aria-label="State of the run">
      {known.map(({ state, runs }) => (
        <button
          type="button"
          key={state}
          class={`qx-chip${chosen && chosen !== state ? " qx-out" : ""}`}
          aria-pressed={chosen === state}
          onClick={() => choose(state)}
        >
          <i class={`qx-swatch qx-part-${state === "done" ? "good" : state}`} />
          <span class={`qx-state qx-is-${state}`}>
            <StateIcon state={state === "unfinished" ? "waiting" : state} />
          </span>
          {state} <span class="qx-quiet">{count(runs)}</span>
        </button>
      ))}
    </div>
  );
}

export function Legend({ parts }: { parts: [string, string][] }) {
  return (
    <div class="qx-legend" aria-hidden="true">
      {parts.map(([look, word]) => (
        <span key={word} class="qx-key-word">
          <i class={`qx-swatch qx-part-${look}`} />
          {word}
        </span>
      ))}
    </div>
  );
}
