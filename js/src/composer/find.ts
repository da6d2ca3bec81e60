// Steps as elements of the page.
import type { Point } from "./drag";

export const nodeOf = (canvas: HTMLElement | null, name: string): HTMLElement | undefined =>
  [...(canvas?.querySelectorAll<HTMLElement>("[data-step]") ?? [])].find(
    (node) => node.dataset["step"] === name,
  );

/** The step under a point of the screen. */
export function stepAt(at: Point): string | null {
  const found = document.elementFromPoint(at.x, at.y)?.closest<HTMLElement>("[data-step]");
  return found?.dataset["step"] ?? null;
}
