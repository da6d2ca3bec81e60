// Choosing a time: by dragging over the plot, and by the keyboard on two handles.
import { useEffect, useRef } from "preact/hooks";
import { moment } from "./format";

export type Range = [number, number];

/** What the axis spans, and the seconds of a bin. */
interface Limits {
  since: number;
  until: number;
  bin: number;
}

interface HandleProps {
  end: 0 | 1;
  range: Range;
  /** Where it stands, in pixels. */
  at: number;
  middle: number;
  limits: Limits;
  commit: (range: Range) => void;
}

/** One end of the brush; arrow keys move it by a bin, Home and End to the end. */
export function Handle({ end, range, at, middle, limits, commit }: HandleProps) {
  const { since, until, bin } = limits;
  const move = (event: KeyboardEvent) => {
    const steps: Record<string, number> = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -7, PageUp: 7 };
    const step = steps[event.key];
    const jump = event.key === "Home" ? since : event.key === "End" ? until : null;
    if (step === undefined && jump === null) return;
    event.preventDefault();
    event.stopPropagation();
    const wished = jump ?? range[end] + step! * bin;
    const [low, high] = end === 0 ? [since, range[1] - bin] : [range[0] + bin, until];
    const moved = Math.min(Math.max(wished, low), high);
    commit(end === 0 ? [moved, range[1]] : [range[0], moved]);
  };
  return (
    <rect
      class="qx-handle"
      x={at - 3.5}
      y={middle - 13}
      width={7}
      height={26}
      rx={3.5}
      role="slider"
      tabindex={0}
      aria-label={end === 0 ? "from" : "to"}
      aria-valuemin={since}
      aria-valuemax={until}
      aria-valuenow={range[end]}
      aria-valuetext={`${moment(range[end])} UTC`}
      onKeyDown={move}
    />
  );
}

/** Dragging over the plot; a click without a drag clears. Snaps to bins. */
export function useBrush(inner: number, limits: Limits, show: (range: Range | null) => void, commit: (range: Range) => void) {
  const surface = useRef<SVGRectElement>(null);
  const now = useRef({ inner, limits, show, commit });
  now.current = { inner, limits, show, commit };
  useEffect(() => {
    const element = surface.current;
    if (!element) return;
    const controller = new AbortController();
    const { signal } = controller;
    let start: number | null = null;
    const at = (event: PointerEvent) => {
      const { limits: { since, until } } = now.current;
      const left = element.getBoundingClientRect().left;
      const share = Math.min(Math.max((event.clientX - left) / now.current.inner, 0), 1);
      return since + share * (until - since);
    };
    const range = (event: PointerEvent): Range => {
      const { limits: { since, until, bin } } = now.current;
      const [a, b] = [start!, at(event)].sort((p, q) => p - q) as Range;
      const snap = (t: number, to: (n: number) => number) => since + to((t - since) / bin) * bin;
      return [Math.max(snap(a, Math.floor), since), Math.min(snap(b, Math.ceil), until)];
    };
    const isDrag = (event: PointerEvent) =>
      (Math.abs(at(event) - start!) / (now.current.limits.until - now.current.limits.since)) * now.current.inner > 3;
    element.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      start = at(event);
      element.setPointerCapture?.(event.pointerId);
    }, { signal });
    element.addEventListener("pointermove", (event) => {
      if (start !== null && isDrag(event)) now.current.show(range(event));
    }, { signal });
    element.addEventListener("pointerup", (event) => {
      if (start === null) return;
      const { since, until } = now.current.limits;
      now.current.commit(isDrag(event) ? range(event) : [since, until]);
      start = null;
      now.current.show(null);
    }, { signal });
    element.addEventListener("pointercancel", () => {
      start = null;
      now.current.show(null);
    }, { signal });
    return () => controller.abort();
  }, []);
  return surface;
}
