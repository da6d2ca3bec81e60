import { Glyph } from "../shared/icons";
import type { Step as LiveStep } from "../run/model";
import type { Direction } from "../shared/layout";
import { useDesk } from "./desk";
import { type Placed, bounds, link } from "./placement";
import { useUnique } from "../shared/ids";

interface Props {
  layout: Placed;
  live: Map<string, LiveStep>;
  focus: (step: string) => void;
}

const nameOf = (id: string): string => id.slice(id.indexOf(":") + 1);

/** Who takes the value of whom. An edge is chosen by a press and taken away by Delete. */
export function Edges({ layout, live, focus }: Props) {
  const { selected, select, edit } = useDesk();
  const all = bounds(layout);
  const tip = useUnique();
  const chosen = selected && "edge" in selected ? selected.edge : null;
  const remove = (from: string, to: string) => {
    edit({ do: "disconnect", from, to });
    select({ step: to });
    focus(to);
  };
  return (
    <>
      <svg class="qfc-edges" width={all.width} height={all.height} role="group" aria-label="Connections">
        <defs>
          <marker id={tip} viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto-start-reverse">
            <path class="qfc-tip" d="M1 1 7 4 1 7z" />
          </marker>
        </defs>
        {layout.edges.map(({ from, to, path }) => {
          const pair: [string, string] = [nameOf(from), nameOf(to)];
          if (from.startsWith("input:")) return <path key={from + to} class="qf-edge" d={path} />;
          const is = chosen !== null && chosen[0] === pair[0] && chosen[1] === pair[1];
          const state = live.get(pair[1])?.state;
          return (
            <g
              key={from + to}
              class={`qfc-edge${is ? " qfc-chosen" : ""}`}
              role="button"
              tabindex={0}
              aria-pressed={is}
              aria-label={`${pair[1]} takes the value of ${pair[0]}`}
              aria-keyshortcuts="Delete"
              onClick={(event) => {
                select({ edge: pair });
                event.currentTarget.focus({ preventScroll: true });
              }}
              onKeyDown={(event) => {
                if (event.key === "Enter" || event.key === " ") select({ edge: pair });
                else if (event.key === "Delete" || event.key === "Backspace") remove(...pair);
                else if (event.key === "Escape") select(null);
                else return;
                event.preventDefault();
              }}
            >
              <path class="qfc-hit" d={path} />
              <path class={`qf-edge${state ? ` qf-to-${state}` : ""}`} d={path} marker-end={`url(#${tip})`} />
            </g>
          );
        })}
      </svg>
      {chosen && <Cut layout={layout} pair={chosen} cut={() => remove(...chosen)} />}
    </>
  );
}

/** The button on the chosen edge, for those who have a mouse only. */
function Cut({ layout, pair: [from, to], cut }: { layout: Placed; pair: [string, string]; cut: () => void }) {
  const edge = layout.edges.find((one) => one.from === `step:${from}` && one.to === `step:${to}`);
  if (!edge) return null;
  const { x, y } = middle(edge.path);
  return (
    <button
      type="button"
      class="qfc-cut"
      style={{ left: `${x}px`, top: `${y}px` }}
      aria-label={`Disconnect ${from} from ${to}`}
      title="Disconnect (Delete)"
      onClick={cut}
    >
      <Glyph name="close" />
    </button>
  );
}

/** Half way along a path: the start where nothing can measure it. */
function middle(d: string): { x: number; y: number } {
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", d);
  if (typeof path.getTotalLength === "function") return path.getPointAtLength(path.getTotalLength() / 2);
  const [x = 0, y = 0] = d.slice(1).split(/[ C]/).map(Number);
  return { x, y };
}

interface PendingProps {
  from: { x: number; y: number };
  to: { x: number; y: number };
  direction: Direction;
}

/** The connection that is being drawn. */
export function Pending({ from, to, direction }: PendingProps) {
  return (
    <svg class="qfc-edges" width="1" height="1" aria-hidden="true">
      <path class="qf-edge qfc-pending" d={link(from, to, direction)} />
    </svg>
  );
}
