// What jsdom lacks and uPlot asks for. The canvas takes every call and draws nothing.
import { afterEach, vi } from "vitest";

const nowhere: object = new Proxy(() => undefined, {
  get: (_, name) => (name === "canvas" ? document.createElement("canvas") : nowhere),
  apply: () => ({ width: 8, addColorStop: () => undefined }),
});

vi.stubGlobal("matchMedia", () => ({
  matches: false,
  addEventListener: () => undefined,
  removeEventListener: () => undefined,
}));
vi.stubGlobal("Path2D", class { moveTo() {} lineTo() {} rect() {} arc() {} closePath() {} addPath() {} });
HTMLCanvasElement.prototype.getContext = (() => nowhere) as never;

afterEach(() => {
  document.body.replaceChildren();
});
