import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { short } from "./format";
import type { Metric } from "./model";

const HEIGHT = 150;

/** One live line for each logged metric. */
export function Metrics({ metrics }: { metrics: Metric[] }) {
  if (metrics.length === 0) return null;
  return (
    <div class="qf-metrics">
      {metrics.map((metric) => (
        <Line key={`${metric.step}.${metric.name}`} metric={metric} />
      ))}
    </div>
  );
}

function Line({ metric }: { metric: Metric }) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  useEffect(() => {
    if (!box.current) return;
    const made = new uPlot(options(metric, box.current), series(metric), box.current);
    plot.current = made;
    const stopWatching = watch(box.current, made);
    return () => {
      stopWatching();
      made.destroy();
      plot.current = null;
    };
  }, []);
  useEffect(() => plot.current?.setData(series(metric)), [metric]);
  const newest = finite(metric).at(-1);
  return (
    <figure class="qf-metric">
      <figcaption>
        <span class="qf-title">{metric.name}</span>
        <span class="qf-sub">{metric.step}</span>
        <span class="qf-number">{newest === undefined ? "" : short(newest)}</span>
      </figcaption>
      <div ref={box} role="img" aria-label={describe(metric)} />
    </figure>
  );
}

function describe(metric: Metric): string {
  const values = finite(metric);
  const newest = values.at(-1);
  if (newest === undefined) return `${metric.name} of ${metric.step}: no values yet`;
  const range = `from ${short(Math.min(...values))} to ${short(Math.max(...values))}`;
  return `${metric.name} of ${metric.step}: ${values.length} values ${range}, now ${short(newest)}`;
}

const finite = (metric: Metric): number[] =>
  metric.values.filter((value): value is number => Number.isFinite(value));

const series = (metric: Metric): uPlot.AlignedData => [
  metric.values.map((_, i) => metric.first + i),
  metric.values,
];

function options(metric: Metric, box: HTMLElement): uPlot.Options {
  const colour = (name: string) => () => getComputedStyle(box).getPropertyValue(name).trim();
  const axis = { stroke: colour("--qf-text-2"), font: "11px system-ui, sans-serif", labelFont: "11px system-ui, sans-serif", labelSize: 16, ticks: { show: false } };
  return {
    width: Math.max(box.clientWidth, 120),
    height: HEIGHT,
    legend: { show: false },
    padding: [6, 8, 0, 0],
    cursor: { drag: { x: false, y: false }, points: { show: false } },
    scales: { x: { time: false }, y: { range: padded } },
    axes: [
      { ...axis, size: 22, label: "log entry", grid: { show: false }, values: wholeOnly },
      { ...axis, size: 48, space: 26, label: metric.name, grid: { stroke: colour("--qf-line"), width: 1 }, values: (_, ticks) => ticks.map(short) },
    ],
    series: [{}, { stroke: colour("--qf-brand"), width: 1.75, points: { show: (u) => u.data[0].length < 2 } }],
  };
}

const wholeOnly = (_: uPlot, ticks: number[]) => ticks.map((t) => (Number.isInteger(t) ? String(t) : ""));

/** A flat line stands in the middle, not on the frame. */
const padded: uPlot.Range.Function = (_, low, high) => {
  if (low === null || high === null) return [0, 1];
  const pad = (high - low) * 0.08 || Math.abs(low) * 0.05 || 1;
  return [low - pad, high + pad];
};

/** Follows the width of the box and the colours of the theme. */
function watch(box: HTMLElement, plot: uPlot): () => void {
  if (typeof ResizeObserver === "undefined") return () => undefined;
  const size = new ResizeObserver(() => {
    const width = Math.max(box.clientWidth, 120);
    if (width !== plot.width) plot.setSize({ width, height: HEIGHT });
  });
  size.observe(box);
  const theme = new MutationObserver(() => plot.redraw(false));
  for (const node of [document.body, document.documentElement]) {
    theme.observe(node, { attributes: true, attributeFilter: ["data-jp-theme-name", "class"] });
  }
  return () => {
    size.disconnect();
    theme.disconnect();
  };
}
