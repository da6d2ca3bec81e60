// Where the nodes stand. Depends on the shape of the graph only, never on its progress.
import { Graph, layout } from "@dagrejs/dagre";

/** What of a step decides where it stands. */
export interface Shaped {
  name: string;
  needs: string[];
  inputs: string[];
  dims: unknown[];
}

export interface Named {
  name: string;
}

export type Direction = "LR" | "TB";

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Edge {
  from: string;
  to: string;
  path: string;
}

export interface Placement {
  width: number;
  height: number;
  nodes: Map<string, Box>;
  edges: Edge[];
  compact: boolean;
}

/** Above this many steps a node leaves out kind, backend and axes. */
export const COMPACT_ABOVE = 16;

const MARGIN = 12;
export const stepId = (name: string): string => `step:${name}`;
export const inputId = (name: string): string => `input:${name}`;

/** Changes when, and only when, the graph has to be laid out again. */
export function shapeOf(steps: Shaped[], inputs: Named[], direction: Direction): string {
  const parts = steps.map((s) => [s.name, s.needs, s.inputs, s.dims.length > 0]);
  return JSON.stringify([direction, parts, inputs.map((input) => input.name)]);
}

/** Lays the graph out; closer together where it would not fit into `room` pixels. */
export function place(steps: Shaped[], inputs: Named[], direction: Direction, room: number): Placement {
  const wide = arrange(steps, inputs, direction, false);
  if (wide.width <= room) return wide;
  return arrange(steps, inputs, direction, true);
}

function arrange(steps: Shaped[], inputs: Named[], direction: Direction, dense: boolean): Placement {
  const compact = steps.length > COMPACT_ABOVE;
  const graph = new Graph<Gaps, Box, { points: Point[] }>();
  graph.setGraph({
    rankdir: direction,
    ranksep: direction === "TB" || dense ? 26 : 40,
    nodesep: compact ? 12 : 18,
    marginx: MARGIN,
    marginy: MARGIN,
  });
  graph.setDefaultEdgeLabel(() => ({ points: [] }));
  for (const input of used(inputs, steps)) graph.setNode(inputId(input.name), inputSize(input));
  for (const step of steps) graph.setNode(stepId(step.name), stepSize(step, compact, dense));
  for (const step of steps) {
    for (const need of step.needs) connect(graph, stepId(need), stepId(step.name));
    for (const input of step.inputs) connect(graph, inputId(input), stepId(step.name));
  }
  layout(graph);
  return measured(graph, direction, compact);
}

interface Point {
  x: number;
  y: number;
}
interface Gaps {
  rankdir: Direction;
  ranksep: number;
  nodesep: number;
  marginx: number;
  marginy: number;
  width?: number;
  height?: number;
}
type Drawn = Graph<Gaps, Box, { points: Point[] }>;

function used(inputs: Named[], steps: Shaped[]): Named[] {
  const names = new Set(steps.flatMap((step) => step.inputs));
  return inputs.filter((input) => names.has(input.name));
}

function connect(graph: Drawn, from: string, to: string): void {
  if (from !== to && graph.hasNode(from) && graph.hasNode(to)) graph.setEdge(from, to);
}

function stepSize(step: Shaped, compact: boolean, dense: boolean): Box {
  const height = compact ? 54 : step.dims.length > 0 ? 98 : 82;
  return { x: 0, y: 0, width: compact ? 158 : dense ? 166 : 196, height };
}

function inputSize(input: Named): Box {
  const width = Math.min(150, 42 + 7.4 * input.name.length);
  return { x: 0, y: 0, width, height: 28 };
}

function measured(graph: Drawn, direction: Direction, compact: boolean): Placement {
  const nodes = new Map<string, Box>();
  for (const id of graph.nodes()) {
    const { x, y, width, height } = graph.node(id);
    nodes.set(id, { x: x - width / 2, y: y - height / 2, width, height });
  }
  const edges = graph.edges().map(({ v, w }) => ({
    from: v,
    to: w,
    path: curve(graph.edge(v, w).points, nodes.get(v)!, nodes.get(w)!, direction),
  }));
  const { width = 0, height = 0 } = graph.graph();
  return { width: finite(width), height: finite(height), nodes, edges, compact };
}

/** A smooth line that leaves and enters along the flow; every second of dagre's bend points
    lies between two ranks, the others beside the steps of one. */
function curve(points: Point[], from: Box, to: Box, direction: Direction): string {
  const along = direction === "LR";
  const start = along
    ? { x: from.x + from.width, y: from.y + from.height / 2 }
    : { x: from.x + from.width / 2, y: from.y + from.height };
  const end = along ? { x: to.x, y: to.y + to.height / 2 } : { x: to.x + to.width / 2, y: to.y };
  const half = along ? Math.max(from.width, to.width) / 2 : Math.max(from.height, to.height) / 2;
  const passed = points.slice(1, -1).filter((_, i) => i % 2 === 1);
  const stops = [start, ...passed.flatMap((p) => across(p, half, along)), end];
  let path = `M${round(start)}`;
  for (let i = 1; i < stops.length; i++) {
    const [a, b] = [stops[i - 1]!, stops[i]!];
    const reach = along ? (b.x - a.x) / 2 : (b.y - a.y) / 2;
    const [c, d] = along
      ? [{ x: a.x + reach, y: a.y }, { x: b.x - reach, y: b.y }]
      : [{ x: a.x, y: a.y + reach }, { x: b.x, y: b.y - reach }];
    path += `C${round(c)} ${round(d)} ${round(b)}`;
  }
  return path;
}

/** Straight past the steps of a rank that an edge only passes: it bends between ranks. */
function across(p: Point, half: number, along: boolean): Point[] {
  return along
    ? [{ x: p.x - half, y: p.y }, { x: p.x + half, y: p.y }]
    : [{ x: p.x, y: p.y - half }, { x: p.x, y: p.y + half }];
}

const round = (p: Point): string => `${p.x.toFixed(1)} ${p.y.toFixed(1)}`;
const finite = (n: number): number => (Number.isFinite(n) ? n : 0);
