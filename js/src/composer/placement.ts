// Where steps stand: where a person put them, else where dagre does.
import {
  type Box,
  type Direction,
  type Edge,
  inputId,
  place,
  stepId,
} from "../shared/layout";
import type { CellInput, Places, Step } from "./model";

export interface Placed {
  nodes: Map<string, Box>;
  edges: Edge[];
  compact: boolean;
}

export function placed(
  steps: Step[],
  inputs: CellInput[],
  direction: Direction,
  places: Places,
  room = Infinity,
): Placed {
  const shaped = steps.map((step) => ({ ...step, needs: step.edges }));
  const automatic = place(shaped, inputs.filter((input) => !input.code), direction, room);
  const nodes = new Map(automatic.nodes);
  const moved = new Set<string>();
  for (const step of steps) {
    const [spot, box] = [places[step.name], nodes.get(stepId(step.name))];
    if (!spot || !box) continue;
    nodes.set(stepId(step.name), { ...box, x: spot[0], y: spot[1] });
    moved.add(stepId(step.name));
  }
  const edges = automatic.edges.map((edge) =>
    moved.has(edge.from) || moved.has(edge.to)
      ? { ...edge, path: between(nodes.get(edge.from)!, nodes.get(edge.to)!, direction) }
      : edge,
  );
  return { nodes, edges, compact: automatic.compact };
}

/** Where a line leaves a box, and where it enters one. */
export const exit = (box: Box, direction: Direction) =>
  direction === "LR"
    ? { x: box.x + box.width, y: box.y + box.height / 2 }
    : { x: box.x + box.width / 2, y: box.y + box.height };
export const entry = (box: Box, direction: Direction) =>
  direction === "LR"
    ? { x: box.x, y: box.y + box.height / 2 }
    : { x: box.x + box.width / 2, y: box.y };

export const between = (from: Box, to: Box, direction: Direction): string =>
  link(exit(from, direction), entry(to, direction), direction);

interface Point {
  x: number;
  y: number;
}

/** A curve that leaves and enters along the flow, also when it has to go back. */
export function link(a: Point, b: Point, direction: Direction): string {
  const gap = direction === "LR" ? b.x - a.x : b.y - a.y;
  const reach = Math.max(Math.abs(gap) / 2, gap < 0 ? 60 : 14);
  const [c, d] =
    direction === "LR"
      ? [{ x: a.x + reach, y: a.y }, { x: b.x - reach, y: b.y }]
      : [{ x: a.x, y: a.y + reach }, { x: b.x, y: b.y - reach }];
  return `M${at(a)}C${at(c)} ${at(d)} ${at(b)}`;
}

const at = (p: Point): string => `${p.x.toFixed(1)} ${p.y.toFixed(1)}`;

export type Arrow = "ArrowLeft" | "ArrowRight" | "ArrowUp" | "ArrowDown";
export const isArrow = (key: string): key is Arrow => /^Arrow(Left|Right|Up|Down)$/.test(key);
export const STEPS: Record<Arrow, [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** The step to which an arrow key goes: ahead, and rather straight than far aside. */
export function nearest(boxes: Map<string, Box>, from: Box, arrow: Arrow): string | null {
  const [dx, dy] = STEPS[arrow];
  let best: [string, number] | null = null;
  for (const [name, box] of boxes) {
    const x = box.x + box.width / 2 - (from.x + from.width / 2);
    const y = box.y + box.height / 2 - (from.y + from.height / 2);
    const [ahead, aside] = [x * dx + y * dy, Math.abs(x * dy) + Math.abs(y * dx)];
    if (ahead <= 1) continue;
    const far = ahead + 2 * aside;
    if (!best || far < best[1]) best = [name, far];
  }
  return best && best[0];
}

/** Width and height that hold every node, from the origin. */
export function bounds({ nodes }: Placed): { width: number; height: number } {
  const right = Math.max(1, ...[...nodes.values()].map((box) => box.x + box.width));
  const bottom = Math.max(1, ...[...nodes.values()].map((box) => box.y + box.height));
  return { width: right, height: bottom };
}

export { inputId, stepId };
