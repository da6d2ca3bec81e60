// What a sweep looks like: a line for each backend, named, and how much of it is shown.
import { act } from "preact/test-utils";
import { expect, test } from "vitest";
import widget from "../src/run/index";
import { cached } from "../src/run/format";
import { complete, type Estimates } from "../src/run/model";
import { FakeModel, run, step } from "./fake";

const shown: Estimates = {
  series: [
    { label: "aer", backend: "aer", values: [[0, 0.5, 0.1], [1, 0.25, 0.1]] },
    { label: "fake_lima", backend: "fake_lima", values: [[0, 0.4, null]] },
  ],
  axis: "angle", unit: "rad", point: "angle 1, backend aer", which: "latest", total: 1000, placed: true,
};

function results(more: object, results: object = shown) {
  const el = document.body.appendChild(document.createElement("div"));
  const model = new FakeModel(run([step("energy", { results } as never)], more as never));
  act(() => void widget.render({ model: model as never, el }));
  act(() => el.querySelector<HTMLElement>("[data-tab=results]")!.click());
  return el;
}

test("each backend has its colour, its shape and its name", () => {
  const el = results({ colours: { aer: "#0072B2", fake_lima: "#E69F00" } });
  const marks = [...el.querySelectorAll<HTMLElement>(".qf-legend .qf-sample")];
  expect(marks.map((mark) => mark.textContent)).toEqual(["●aer", "■fake_lima"]);
  expect(marks.map((mark) => mark.style.getPropertyValue("--qf-tone"))).toEqual(["#0072B2", "#E69F00"]);
  expect(el.querySelectorAll("circle.qf-dot").length).toBe(2);
  expect(el.querySelector("text.qf-dot")!.textContent).toBe("■");
  expect(el.querySelector(".qf-plot")!.getAttribute("aria-label")).toBe(
    "energy: aer: 2 values from 0.25 to 0.5, standard errors up to 0.1; fake_lima: 0.4",
  );
});

test("a value that is no finite number keeps its place and is told", () => {
  const values = [[0, 0.5, 0.1], [1, null, null], [2, 0.25, 0.1]];
  const el = results({}, { ...shown, series: [{ label: "", backend: null, values }] });
  const at = [...el.querySelectorAll("circle.qf-dot")].map((dot) => Number(dot.getAttribute("cx")!.replace("%", "")));
  const gap = Number(el.querySelector("text.qf-odd")!.getAttribute("x")!.replace("%", ""));
  expect(gap).toBeCloseTo((at[0]! + at[1]!) / 2);
  expect(el.querySelector(".qf-legend")!.textContent).toBe("×1 of 3 not a finite number");
  expect(el.querySelector(".qf-plot")!.getAttribute("aria-label")).toBe(
    "energy: 2 values from 0.25 to 0.5, standard errors up to 0.1, 1 of 3 not a finite number",
  );
});

test("where no value is a finite number there is no scale", () => {
  const of = (values: object[]) => results({}, { ...shown, series: [{ label: "", backend: null, values }] });
  const el = of([[0, null, null], [1, null, null]]);
  expect(el.querySelector(".qf-plot-y")!.textContent).toBe("");
  expect(el.querySelector(".qf-plot")!.getAttribute("aria-label")).toBe("energy: 2 of 2 not a finite number");
  expect(of([[0, null, null]]).querySelector(".qf-number")!.textContent).toBe("not a finite number");
});

test("how much of all is drawn stands below", () => {
  const below = (more: object) => results({}, { ...shown, ...more }).querySelector(".qf-plot-x")!.textContent;
  expect(below({})).toContain("angle (rad) · the latest 3 of 1,000 points");
  expect(below({ which: "first", placed: false, total: 4000 })).toBe("in the order of the result · the first 3 of 4,000 values");
  expect(below({ placed: false, total: 3 })).toBe("in the order of the axes");
});

test("what the kernel left out is told", () => {
  const el = results({ omitted: ["tracebacks", "9,760 of 10,000 steps"] });
  expect(el.querySelector("[role=note]")!.textContent).toBe(
    "Not shown, to keep this view quick: tracebacks, 9,760 of 10,000 steps.",
  );
});

test("results that had to be completed do not pass for cached", () => {
  const of = (total: number, part: object | null) =>
    cached(complete({ steps: [step("c", { total, cached: { count: 1, name: "x", age: 5, part } } as never)] as never }).steps[0]!);
  expect(of(1, { found: 400, asked: 1000, unit: "shots" })).toBe("400 of 1,000 shots cached · run x · just now");
  expect(of(3, { found: 400, asked: 1000, unit: "shots" })).toBe("1 of 3 cached, 400 of 1,000 shots of them · run x · just now");
  expect(of(1, { unit: "" })).toBe("partly cached · run x · just now");
  expect(of(1, null)).toBe("cached · run x · just now");
});
