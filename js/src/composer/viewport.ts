// Where the canvas looks: screen = world * scale + shift.
import type { Box } from "../shared/layout";

export interface Viewport {
  x: number;
  y: number;
  scale: number;
}

interface Size {
  width: number;
  height: number;
}

export const SMALLEST = 0.35;
export const LARGEST = 2;
const MARGIN = 24;

const within = (scale: number): number => Math.min(LARGEST, Math.max(SMALLEST, scale));

/** The smallest box around all of them. */
export function bounds(boxes: Box[]): Box {
  if (boxes.length === 0) return { x: 0, y: 0, width: 0, height: 0 };
  const x = Math.min(...boxes.map((box) => box.x));
  const y = Math.min(...boxes.map((box) => box.y));
  const right = Math.max(...boxes.map((box) => box.x + box.width));
  const bottom = Math.max(...boxes.map((box) => box.y + box.height));
  return { x, y, width: right - x, height: bottom - y };
}

/** Height of a canvas that shows a graph from top to bottom, within reason. */
export function tall(boxes: Box[], width: number): number {
  const all = bounds(boxes);
  const scale = Math.min(1, within((width - 2 * MARGIN) / Math.max(all.width, 1)));
  return Math.min(640, Math.max(340, all.height * scale + 2 * MARGIN + 40));
}

/** Everything in sight, in the middle, never enlarged. */
export function fit(boxes: Box[], room: Size): Viewport {
  const all = bounds(boxes);
  if (all.width === 0) return { x: 0, y: 0, scale: 1 };
  const wide = (room.width - 2 * MARGIN) / all.width;
  const high = (room.height - 2 * MARGIN) / all.height;
  const scale = Math.min(1, within(Math.min(wide, high)));
  return {
    scale,
    x: (room.width - all.width * scale) / 2 - all.x * scale,
    y: (room.height - all.height * scale) / 2 - all.y * scale,
  };
}

/** Zoomed so that the point of the screen at (x, y) stays over the same thing. */
export function zoom(view: Viewport, factor: number, x: number, y: number): Viewport {
  const scale = within(view.scale * factor);
  const ratio = scale / view.scale;
  return { scale, x: x - (x - view.x) * ratio, y: y - (y - view.y) * ratio };
}

export const toWorld = (view: Viewport, x: number, y: number): { x: number; y: number } => ({
  x: (x - view.x) / view.scale,
  y: (y - view.y) / view.scale,
});

/** Moved just so far that the box is in sight. */
export function reveal(view: Viewport, box: Box, room: Size): Viewport {
  const shift = (low: number, length: number, space: number) => {
    if (low < MARGIN) return MARGIN - low;
    const over = low + length + MARGIN - space;
    return over > 0 ? -Math.min(over, low - MARGIN) : 0;
  };
  const { scale } = view;
  const dx = shift(box.x * scale + view.x, box.width * scale, room.width);
  const dy = shift(box.y * scale + view.y, box.height * scale, room.height);
  return dx || dy ? { scale, x: view.x + dx, y: view.y + dy } : view;
}
