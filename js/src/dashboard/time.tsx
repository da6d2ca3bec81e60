// Runs over time, stacked by how they ended, with a brush that the keyboard moves too.
import { useState } from "preact/hooks";
import { dates, label, stacked } from "./bins";
import { Handle, type Range, useBrush } from "./brush";
import { count, moment, ticks } from "./format";
import type { Dashboard, Filter } from "./model";
import { useWidth } from "./parts";
import { useUnique } from "../shared/ids";

const HEIGHT = 168;
const [LEFT, RIGHT, TOP, BOTTOM] = [40, 12, 10, 24];

interface Props {
  data: Dashboard;
  filter: Filter;
  choose: (filter: Filter) => void;
}

export function Time({ data, filter, choose }: Props) {
  const [box, width] = useWidth(720);
  const id = useUnique();
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
            middle={(HEIGHT - BOTTOM + TOP) / 2}
            limits={{ since, until, bin }}
            commit={commit}
          />
        ))}
        <line class="qx-axis" x1={LEFT} x2={width - RIGHT} y1={y(0)} y2={y(0)} />
      </svg>
    </div>
  );
}

/** Hatches, so that a state is told without its colour. */
function Patterns({ id }: { id: string }) {
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

function spoken(data: Dashboard, [from, to]: Range): string {
  const runs = data.charts.time.filter((b) => b.start >= from && b.start < to);
  const sum = runs.reduce((all, b) => all + b.runs, 0);
  return `${count(sum)} runs from ${moment(from)} to ${moment(to)} UTC; drag, or move the two handles, to choose a time`;
}
