import { expect, test } from "vitest";
import { type Box, place, shapeOf } from "../src/shared/layout";
import { duration, short } from "../src/run/format";
import type { Step } from "../src/run/model";
import { step } from "./fake";

const steps = (...all: Partial<Step>[]) => all as Step[];
const chain = steps(
  step("a"),
  step("b", { needs: ["a"], inputs: ["x"] }),
  step("c", { needs: ["b", "a"] }),
);
const inputs = [{ name: "x", summary: "" }, { name: "unused", summary: "" }];

const overlap = (a: Box, b: Box) =>
  a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;

test("needs stand left of their users, above them when narrow", () => {
  const wide = place(chain, inputs, "LR", 2000).nodes;
  const narrow = place(chain, inputs, "TB", 400).nodes;
  expect(wide.get("step:a")!.x).toBeLessThan(wide.get("step:b")!.x);
  expect(narrow.get("step:a")!.y).toBeLessThan(narrow.get("step:b")!.y);
});

test("only inputs that a step reads are drawn", () => {
  expect([...place(chain, inputs, "LR", 2000).nodes.keys()].sort()).toEqual([
    "input:x", "step:a", "step:b", "step:c",
  ]);
});

test("forty steps do not overlap", () => {
  const many = Array.from({ length: 40 }, (_, i) =>
    step(`s${i}`, { needs: i < 5 ? [] : [`s${i - 5}`, `s${(i * 7) % 5}`] }),
  );
  const { nodes, compact } = place(steps(...many), [], "LR", 900);
  const boxes = [...nodes.values()];
  expect(compact).toBe(true);
  expect(boxes.some((a, i) => boxes.some((b, j) => i < j && overlap(a, b)))).toBe(false);
});

test("a need that is no step, or the step itself, draws no edge", () => {
  expect(place(steps(step("a", { needs: ["a", "ghost"] })), [], "LR", 900).edges).toEqual([]);
});

test("progress does not lay the graph out again", () => {
  const later = chain.map((s) => ({ ...s, state: "done" as const, counts: { done: 1 } }));
  expect(shapeOf(later, inputs, "LR")).toBe(shapeOf(chain, inputs, "LR"));
});

test("times have about three digits", () => {
  const seconds = [null, 0.0042, 0.31, 3.14, 59.96, 75.2, 4000];
  expect(seconds.map(duration)).toEqual([
    "", "4 ms", "0.31 s", "3.1 s", "1 min 00 s", "1 min 15 s", "1 h 06 min",
  ]);
});

test("values have at most six digits and a real minus sign", () => {
  expect([0, -1.13728361, 12345, 3e-7].map(short)).toEqual(["0", "−1.13728", "12345", "3.0e−7"]);
});
