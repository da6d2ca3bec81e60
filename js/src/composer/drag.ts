// Follows a pointer from where it went down, until it goes up or Escape gives up.
import { useEffect, useRef } from "preact/hooks";

export interface Point {
  x: number;
  y: number;
}

interface Handlers {
  /** Called from the first move beyond a tremble on. */
  move: (at: Point, event: PointerEvent) => void;
  drop: (at: Point, event: PointerEvent) => void;
  /** The pointer went up where it went down. */
  still?: () => void;
  cancel?: () => void;
}

/** Pixels that a press may wander without being a drag. */
const TREMBLE = 4;

/** A function that starts to follow a pointer; what it listens to ends with the component. */
export function useDrag(): (event: PointerEvent, handlers: Handlers) => void {
  const running = useRef<AbortController | null>(null);
  useEffect(() => () => running.current?.abort(), []);
  return (event, handlers) => {
    running.current?.abort();
    running.current = follow(event, handlers);
  };
}

function follow(down: PointerEvent, { move, drop, still, cancel }: Handlers): AbortController {
  const controller = new AbortController();
  const { signal } = controller;
  const start = { x: down.clientX, y: down.clientY };
  let moving = false;
  const at = (event: PointerEvent): Point => ({ x: event.clientX, y: event.clientY });
  const end = (finish?: () => void) => {
    controller.abort();
    finish?.();
  };
  const onMove = (event: PointerEvent) => {
    const far = Math.hypot(event.clientX - start.x, event.clientY - start.y) > TREMBLE;
    moving ||= far;
    if (moving) move(at(event), event);
  };
  const onUp = (event: PointerEvent) => {
    if (moving) swallowClick();
    end(moving ? () => drop(at(event), event) : still);
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    end(cancel);
  };
  window.addEventListener("pointermove", onMove, { signal });
  window.addEventListener("pointerup", onUp, { signal });
  window.addEventListener("pointercancel", () => end(cancel), { signal });
  window.addEventListener("keydown", onKey, { signal, capture: true });
  return controller;
}

/** The click that browsers send after a drag is not a press of the button. */
function swallowClick(): void {
  const controller = new AbortController();
  const swallow = (event: Event) => event.stopPropagation();
  window.addEventListener("click", swallow, { capture: true, signal: controller.signal });
  setTimeout(() => controller.abort());
}
