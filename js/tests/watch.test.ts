import { act } from "preact/test-utils";
import { describe, expect, test } from "vitest";
import widget from "../src/run/index";
import type { Job, Snapshot } from "../src/run/model";
import { ticks } from "../src/run/ticks";
import { barsOf } from "../src/run/timeline";
import { wilson } from "../src/run/wilson";
import { FakeModel, run, step } from "./fake";

function show(snapshot: unknown) {
  const model = new FakeModel(snapshot);
  const el = document.body.appendChild(document.createElement("div"));
  act(() => void widget.render({ model: model as never, el }));
  return { model, el };
}

const tab = (el: Element, name: string) => el.querySelector<HTMLElement>(`[data-tab="${name}"]`)!;
const open = (el: Element, name: string) => act(() => tab(el, name).click());
const press = (target: HTMLElement, key: string) =>
  act(() => void target.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true })));

const job: Job = {
  job: "r.0", step: "counts", backend: "aer", from: 1, to: 4,
  phases: [["transpiling", 2], ["running", 3]],
  state: "settled", provider_job: null, circuits: 2, shots: 200, cost: null,
};
const counts = step("counts", {
  kind: "sample", state: "running", began: 0.5, ended: null,
  results: { counts: [{ label: "delay 1", shots: 10, outcomes: 2, counts: [["0", 10], ["1", 0]] }] },
});

test("intervals are Wilson's, as intervals.py gives them", () => {
  expect(wilson(0, 10).map((end) => Number(end.toFixed(4)))).toEqual([0, 0.2775]);
  expect(wilson(10, 10)[1]).toBe(1);
});

test("ticks are round numbers within the ends", () => {
  expect(ticks(0, 7.5, 7)).toEqual([0, 2, 4, 6]);
  expect(ticks(3, 3)).toEqual([3]);
});

test("a job is a bar for each phase, without gaps", () => {
  expect(barsOf(job, 9).map((bar) => [bar.phase, bar.from, bar.to])).toEqual([
    ["queued", 1, 2], ["transpiling", 2, 3], ["running", 3, 4],
  ]);
});

describe("tabs", () => {
  test("move by arrow keys, and one of them can be tabbed to", () => {
    const { el } = show(run([counts]));
    press(tab(el, "graph"), "ArrowRight");
    expect(tab(el, "timeline").getAttribute("aria-selected")).toBe("true");
    expect(document.activeElement).toBe(tab(el, "timeline"));
    expect([...el.querySelectorAll<HTMLElement>("[role=tab]")].map((t) => t.tabIndex)).toEqual([-1, 0, -1, -1]);
    press(tab(el, "timeline"), "End");
    const panel = el.querySelector("[role=tabpanel]")!;
    expect(panel.getAttribute("aria-labelledby")).toBe(tab(el, "events").id);
  });

  test("stay chosen when the kernel tells something new", () => {
    const { el, model } = show(run([counts]));
    open(el, "events");
    act(() => model.update(run([counts], { elapsed: 5 })));
    expect(tab(el, "events").getAttribute("aria-selected")).toBe("true");
  });
});

test("the timeline names its steps and backends in words", () => {
  const { el } = show(run([counts], { elapsed: 4, jobs: [job], jobs_total: 3 }));
  open(el, "timeline");
  expect(el.querySelector("button.qf-lane-name")!.getAttribute("aria-label")).toBe(
    "counts: running, from 0.50 s still",
  );
  expect(el.querySelector("span.qf-lane-name .qf-hidden")!.textContent).toBe("aer: 1 job");
  expect(el.querySelector(".qf-legend")!.textContent).toContain("the latest 1 of 3 jobs");
});

test("a histogram says probabilities and intervals as text", () => {
  const { el } = show(run([counts]));
  open(el, "results");
  expect([...el.querySelectorAll(".qf-histogram tbody td.qf-number")].map((d) => d.textContent)).toEqual([
    "100.0 % (72.2–100.0)", "0.0 % (0.0–27.8)",
  ]);
});

test("the budget is a meter with its words", () => {
  const budget = { spent: 0.4, reserved: 1, cap: 20, unit: "USD" };
  const { el } = show(run([counts], { cost: { machine_s: 0, budget } }));
  expect(el.querySelector(".qf-budget")!.textContent).toBe("0.4 + 1 kept back of 20 USD");
  expect(el.querySelector("[role=meter]")!.getAttribute("aria-valuetext")).toBe(
    "0.4 USD spent and 1 USD kept back for jobs on their way, of 20 USD",
  );
});

test("events come with time, words and how often", () => {
  const events = [{ kind: "retried", words: "<b>try</b>", at: 2, first: 1, times: 3 }];
  const { el } = show(run([counts], { events, trouble: "retried 3 times" } as Partial<Snapshot>));
  open(el, "events");
  expect(el.querySelector(".qf-event")!.textContent).toBe("2.00 sretried<b>try</b> · 3 times since 1.00 s");
  expect(el.querySelector(".qf-header")!.textContent).toContain("retried 3 times");
});

test("a run is paused, says so, and goes on", () => {
  const { el, model } = show(run([counts]));
  const button = (name: string) => [...el.querySelectorAll("button")].find((b) => b.textContent === name)!;
  act(() => button("Pause").click());
  act(() => model.update(run([counts], { paused: true })));
  expect(el.querySelector(".qf-header .qf-state")!.textContent).toBe("paused");
  act(() => button("Resume").click());
  expect(model.sent).toEqual([{ type: "pause" }, { type: "resume" }]);
});

test("a traceback is folded away, and never taken as HTML", () => {
  const { el } = show(run([step("fit", { state: "failed", error: "E: no", traceback: "<img src=x>" })]));
  act(() => el.querySelector<HTMLElement>('[data-step="fit"]')!.click());
  const folded = el.querySelector("details.qf-traceback")!;
  expect(folded.hasAttribute("open")).toBe(false);
  expect(folded.querySelector("pre")!.textContent).toBe("<img src=x>");
});
