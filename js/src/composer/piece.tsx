import type { ComponentChildren } from "preact";
import { useRef, useState } from "preact/hooks";
import { useDesk } from "./desk";
import { type Point, useDrag } from "./drag";
import { stepAt } from "./find";

interface Props {
  title: string;
  hint: string;
  icon: ComponentChildren;
  /** Pressed, by mouse or Enter. */
  press: () => void;
  /** Dropped on the canvas, perhaps onto a step. */
  drop: (onto: string | null) => void;
}

/** Half the size of a step: what is dropped has its middle under the pointer. */
const HALF = { x: 98, y: 41 };

/** One thing of the palette. */
export function Piece({ title, hint, icon, press, drop }: Props) {
  const { dropAt, lost, setStage } = useDesk();
  const [ghost, setGhost] = useState<Point | null>(null);
  const drag = useDrag();
  const button = useRef<HTMLButtonElement>(null);
  const start = (event: PointerEvent) => {
    if (event.button !== 0 || event.pointerType === "touch" || lost) return;
    drag(event, {
      move: setGhost,
      cancel: () => setGhost(null),
      drop: (at) => {
        setGhost(null);
        const canvas = button.current?.closest(".qf-composer")?.querySelector<HTMLElement>("[data-qfc-canvas]");
        const spot = canvas && spotOn(canvas, at);
        if (!spot) return;
        const onto = stepAt(at);
        drop(onto);
        if (onto === null) dropAt(spot);
      },
    });
  };
  return (
    <>
      <button
        ref={button}
        type="button"
        class="qfc-piece"
        title={hint}
        disabled={lost}
        onPointerDown={start}
        onClick={() => {
          setStage({ show: "graph" });
          press();
        }}
      >
        <span class="qfc-tile">{icon}</span>
        <span class="qfc-piece-words">
          <span class="qfc-piece-title">{title}</span>
          {hint && <span class="qf-sub">{hint}</span>}
        </span>
      </button>
      {ghost && (
        <span class="qfc-ghost" style={{ left: `${ghost.x}px`, top: `${ghost.y}px` }} aria-hidden="true">
          {icon}
          {title}
        </span>
      )}
    </>
  );
}

/** Where on the canvas a step would stand, or null beside it. */
function spotOn(canvas: HTMLElement, at: Point): [number, number] | null {
  const rect = canvas.getBoundingClientRect();
  const inside = at.x >= rect.left && at.x <= rect.right && at.y >= rect.top && at.y <= rect.bottom;
  if (!inside) return null;
  const number = (name: string) => Number.parseFloat(canvas.style.getPropertyValue(name)) || 0;
  const scale = number("--qfc-scale") || 1;
  return [
    Math.round((at.x - rect.left - number("--qfc-x")) / scale - HALF.x),
    Math.round((at.y - rect.top - number("--qfc-y")) / scale - HALF.y),
  ];
}
