import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { type Direction, inputId, place, shapeOf, stepId } from "../shared/layout";
import type { Snapshot } from "./model";
import { InputNode, StepNode } from "./node";
import { dragToScroll } from "./pan";

/** Below this width the graph runs from top to bottom. */
const NARROW = 560;
/** A graph that is a little too wide is drawn smaller, down to this; then it scrolls. */
const SMALLEST = 0.88;
const DEFAULT_WIDTH = 800;

interface Props {
  run: Snapshot;
  chosen: string | null;
  choose: (step: string) => void;
}

export function Graph({ run, chosen, choose }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const room = useWidth(box);
  const direction: Direction = room < NARROW ? "TB" : "LR";
  const shape = shapeOf(run.steps, run.inputs, direction);
  const placed = useMemo(() => place(run.steps, run.inputs, direction, room), [shape, room]);
  const scale = Math.min(1, Math.max(SMALLEST, room / placed.width));
  const states = new Map(run.steps.map((step) => [stepId(step.name), step.state]));
  useEffect(() => (box.current ? dragToScroll(box.current) : undefined), []);
  return (
    <div class="qf-graph" ref={box} role="group" aria-label={`Steps of ${run.name}`}>
      {run.steps.length === 0 && <p class="qf-empty">This workflow has no steps.</p>}
      <div
        class="qf-canvas"
        style={{
          width: `${placed.width * scale}px`,
          height: `${placed.height * scale}px`,
          "--qf-scale": scale,
        }}
      >
        <svg class="qf-edges" width={placed.width} height={placed.height} aria-hidden="true">
          {placed.edges.map((edge) => (
            <path
              key={`${edge.from}>${edge.to}`}
              class={`qf-edge qf-from-${states.get(edge.from) ?? "done"} qf-to-${states.get(edge.to)}`}
              d={edge.path}
            />
          ))}
        </svg>
        {run.inputs.map((input) => {
          const spot = placed.nodes.get(inputId(input.name));
          return spot && <InputNode key={input.name} input={input} box={spot} />;
        })}
        {run.steps.map((step) => (
          <StepNode
            key={step.name}
            step={step}
            box={placed.nodes.get(stepId(step.name))!}
            compact={placed.compact}
            chosen={chosen === step.name}
            choose={() => choose(step.name)}
          />
        ))}
      </div>
    </div>
  );
}

/** Width of the box in pixels, in steps of eight so that a resize lays out rarely. */
function useWidth(box: { current: HTMLElement | null }): number {
  const [width, setWidth] = useState(DEFAULT_WIDTH);
  useLayoutEffect(() => {
    if (!box.current) return;
    const measure = () => {
      const room = box.current?.clientWidth ?? 0;
      if (room > 0) setWidth(Math.floor(room / 8) * 8);
    };
    measure();
    if (typeof ResizeObserver === "undefined") return;
    const observer = new ResizeObserver(measure);
    observer.observe(box.current);
    return () => observer.disconnect();
  }, []);
  return width;
}
