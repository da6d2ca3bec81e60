// Runs over time, stacked by how they ended, with a brush that the keyboard moves too.
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { count, day, moment, ticks } from "./format";
import type { Dashboard, Filter } from "./model";
import { useWidth } from "./parts";

const HEIGHT = 168;
const [LEFT, RIGHT, TOP, BOTTOM] = [40, 12, 10, 24];
export const STATES = ["done", "failed", "cancelled", "unfinished"];

interface Props {
  data: Dashboard;
  filter: Filter;
  choose: (filter: Filter) => void;
}
type Range = [number, number];

export function Time({ data, filter, choose }: Props) {
  const [box, width] = useWidth(720);
  const id = useId();
  const { since, until, width: bin } = data;
  const inner = width - LEFT - RIGHT;
  const x = (t: number) => LEFT + (inner * (t - since)) / (until - since);
  const bins = stacked(data);
  const marks = ticks(Math.max(...bins.map((b) => b.total), 1));
  const most = marks.at(-1)!;
  const y = (n: number) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - n / most);
  const settled: Range = [filter.since ?? since, filter.until ?? until];
  const [dragged, setDragged] = useState<Range | null>(null);
  const [from, to] = dragged ?? settled;
  const brushed = from > since || to < until;

  const commit = ([a, b]: Range) => {
    const { since: _, until: __, ...rest } = filter;
    const whole = a <= since && b >= until;
    choose(whole || b <= a ? rest : { ...rest, since: a, until: b });
  };
  const surface = useBrush(inner, { since, until, bin }, setDragged, commit);
  return (
    <div ref={box} class="qx-plot" data-brush>
      <svg width={width} height={HEIGHT} role="group" aria-label={spoken(data, settled)}>
        <Patterns id={id} />
        {marks.map((n) => (
          <g key={n} aria-hidden="true">
            <line class="qx-grid" x1={LEFT} x2={width - RIGHT} y1={y(n)} y2={y(n)} />
            <text class="qx-tick" x={LEFT - 6} y={y(n) + 3.5} text-anchor="end">
              {count(n)}
            </text>
          </g>
        ))}
        {dates(since, until, inner).map((t) => (
          <text key={t} class="qx-tick" x={x(t)} y={HEIGHT - 7} text-anchor="middle" aria-hidden="true">
            {label(t, until - since)}
          </text>
        ))}
        {bins.map((b) => (
          <g key={b.start} class={b.start + bin <= from || b.start >= to ? "qx-out" : ""}>
            {b.parts.map((part) => (
              <rect
                key={part.state}
                class={`qx-column qx-${part.state}`}
                fill={part.state === "done" ? undefined : `url(#${id}-${part.state})`}
                x={x(b.start) + 0.5}
                width={Math.max(x(b.start + bin) - x(b.start) - 1, 1)}
                y={y(part.to)}
                height={y(part.from) - y(part.to)}
              >
                <title>{`${moment(b.start)} UTC: ${b.parts.map((p) => `${count(p.runs)} ${p.state}`).join(", ")}`}</title>
              </rect>
            ))}
          </g>
        ))}
        {brushed && (
          <g aria-hidden="true">
            <rect class="qx-brush" x={x(from)} width={Math.max(x(to) - x(from), 0)} y={TOP} height={HEIGHT - TOP - BOTTOM} />
          </g>
        )}
        <rect class="qx-surface" ref={surface} x={LEFT} y={0} width={inner} height={HEIGHT - BOTTOM} />
        {([0, 1] as const).map((end) => (
          <Handle
            key={end}
            end={end}
            range={settled}
            at={x(end === 0 ? from : to)}
            limits={{ since, until, bin }}
            commit={commit}
          />
        ))}
        <line class="qx-axis" x1={LEFT} x2={width - RIGHT} y1={y(0)} y2={y(0)} />
      </svg>
    </div>
  );
}

interface Limits {
  since: number;
  until: number;
  bin: number;
}

interface HandleProps {
  end: 0 | 1;
  range: Range;
  at: number;
  limits: Limits;
  commit: (range: Range) => void;
}

/** One end of the brush; arrow keys move it by a bin, Home and End to the end. */
function Handle({ end, range, at, limits, commit }: HandleProps) {
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
      y={(HEIGHT - BOTTOM + TOP) / 2 - 13}
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
function useBrush(inner: number, limits: Limits, show: (range: Range | null) => void, commit: (range: Range) => void) {
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

/** Hatches, so that a state is told without its colour. */
export function Patterns({ id }: { id: string }) {
  return (
    <defs>
      <pattern id={`${id}-failed`} width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
        <rect width="5" height="5" class="qx-failed-ground" />
        <rect width="2.2" height="5" class="qx-failed-line" />
      </pattern>
      <pattern id={`${id}-cancelled`} width="4" height="4" patternUnits="userSpaceOnUse">
        <rect width="4" height="4" class="qx-cancelled-ground" />
        <circle cx="2" cy="2" r="0.9" class="qx-cancelled-line" />
      </pattern>
      <pattern id={`${id}-unfinished`} width="4" height="4" patternUnits="userSpaceOnUse">
        <rect width="4" height="4" class="qx-unfinished-ground" />
        <rect width="4" height="1.4" class="qx-unfinished-line" />
      </pattern>
    </defs>
  );
}

interface Stack {
  start: number;
  total: number;
  parts: { state: string; runs: number; from: number; to: number }[];
}

export function stacked(data: Dashboard): Stack[] {
  const bins = new Map<number, Map<string, number>>();
  for (const { start, state, runs } of data.charts.time) {
    const bin = bins.get(start) ?? new Map<string, number>();
    bins.set(start, bin.set(state, runs));
  }
  return [...bins].map(([start, states]) => {
    let total = 0;
    const parts = STATES.filter((state) => states.has(state)).map((state) => {
      const runs = states.get(state)!;
      total += runs;
      return { state, runs, from: total - runs, to: total };
    });
    return { start, total, parts };
  });
}

/** Pixels between two dates, and between the last one and the end. */
const [APART, FREE] = [96, 30];
const DAY = 86400;
const STEPS = [300, 900, 3600, 3 * 3600, 6 * 3600, 12 * 3600, DAY, 2 * DAY, 7 * DAY, 14 * DAY];

/** Where dates stand: round hours and days, then months. */
export function dates(since: number, until: number, inner: number): number[] {
  const least = ((until - since) * APART) / inner;
  const last = until - ((until - since) * FREE) / inner;
  const step = STEPS.find((each) => each >= least);
  const found: number[] = [];
  if (step) {
    for (let t = Math.ceil(since / step) * step; t <= last; t += step) found.push(t);
    return found;
  }
  const months = [1, 2, 3, 6, 12, 24, 60, 120].find((n) => n * 30.4 * DAY >= least) ?? 240;
  const first = new Date(since * 1000);
  for (let m = Math.ceil((first.getUTCFullYear() * 12 + first.getUTCMonth()) / months) * months; ; m += months) {
    const t = Date.UTC(Math.floor(m / 12), m % 12, 1) / 1000;
    if (t > last) return found;
    if (t >= since) found.push(t);
  }
}

function label(t: number, span: number): string {
  if (t % DAY !== 0) return moment(t).slice(11);
  return span > 200 * DAY ? day(t).slice(0, 7) : day(t).slice(span > 60 * DAY ? 0 : 5);
}

function spoken(data: Dashboard, [from, to]: Range): string {
  const runs = data.charts.time.filter((b) => b.start >= from && b.start < to);
  const sum = runs.reduce((all, b) => all + b.runs, 0);
  return `${count(sum)} runs from ${moment(from)} to ${moment(to)} UTC; drag, or move the two handles, to choose a time`;
}
