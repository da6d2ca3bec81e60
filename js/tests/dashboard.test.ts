import { act } from "preact/test-utils";
import { describe, expect, test, vi } from "vitest";
import { day, money, percent, said, ticks } from "../src/dashboard/format";
import widget from "../src/dashboard/index";
import { backendLines, savedLines } from "../src/dashboard/lines";
import { decades, reach } from "../src/dashboard/quoted";
import { dates, stacked } from "../src/dashboard/bins";
import { DAY, T, dashboard } from "./explored";
import { FakeModel } from "./fake";

function show(state: unknown) {
  const model = new FakeModel(state);
  const el = document.body.appendChild(document.createElement("div"));
  let dispose = () => {};
  act(() => {
    dispose = widget.render({ model: model as never, el });
  });
  const update = (next: unknown) =>
    act(() => {
      (model as unknown as { snapshot: unknown }).snapshot = next;
      model.emit("change:state");
    });
  return { model, el, update, dispose: () => act(dispose) };
}

const named = (el: Element, name: string) =>
  [...el.querySelectorAll<HTMLButtonElement>("button")].find((b) => (b.getAttribute("aria-label") ?? b.textContent)?.startsWith(name))!;
const click = (target: HTMLElement) => act(() => target.click());

describe("a click", () => {
  test("on a backend asks for it, on it again for all", () => {
    const { model, el, update } = show(dashboard());
    click(named(el, "fez, 3 jobs"));
    expect(model.sent).toEqual([{ type: "filter", n: 1, backend: "fez" }]);
    expect(named(el, "fez, 3 jobs").getAttribute("aria-pressed")).toBe("true");
    update(dashboard({ n: 1, filter: { backend: "fez" } }));
    click(named(el, "fez, 3 jobs"));
    expect(model.sent.at(-1)).toEqual({ type: "filter", n: 2 });
  });

  test("adds to the filter there is, even before its answer", () => {
    const { model, el } = show(dashboard());
    click(named(el, "fez, 3 jobs"));
    click(named(el, "sample, 3 steps"));
    expect(model.sent.at(-1)).toEqual({ type: "filter", n: 2, backend: "fez", kind: "sample" });
  });

  test("on a chip takes that part of the filter away", () => {
    const { model, el } = show(dashboard({ filter: { backend: "fez", since: T, until: T + DAY } }));
    click(named(el, "Remove filter: from"));
    expect(model.sent).toEqual([{ type: "filter", n: 1, backend: "fez" }]);
  });

  test("on a run asks for it; Close sends it away", () => {
    const { model, el, update } = show(dashboard());
    click(named(el, "bell:2"));
    expect(model.sent).toEqual([{ type: "open", run: "b" }]);
    expect(el.textContent).toContain("Reading the run…");
    update(dashboard({ open: { run: "b", state: "failed", html: "<p class='made'>here</p>", line: "%qflow load bell" } }));
    expect(el.querySelector(".made")?.textContent).toBe("here");
    expect(el.querySelector("code")?.textContent).toBe("%qflow load bell");
    click(named(el, "Close"));
    expect(model.sent.at(-1)).toEqual({ type: "close" });
  });
});

test("an older answer does not undo what was asked since", () => {
  const { el, update } = show(dashboard());
  click(named(el, "fez, 3 jobs"));
  click(named(el, "garnet, 2 jobs"));
  update(dashboard({ n: 1, filter: { backend: "fez" } }));
  expect(el.querySelector("article")?.getAttribute("aria-busy")).toBe("true");
  expect(named(el, "garnet, 2 jobs").getAttribute("aria-pressed")).toBe("true");
  update(dashboard({ n: 2, filter: { backend: "garnet" } }));
  expect(el.querySelector("article")?.getAttribute("aria-busy")).toBe("false");
});

test("each chart shows its SQL, and copies it as one line of %qflow sql", async () => {
  const writeText = vi.fn(() => Promise.resolve());
  vi.stubGlobal("navigator", { clipboard: { writeText } });
  const { el } = show(dashboard());
  click(named(el, "SQL of Backends"));
  expect(el.querySelector("pre")?.textContent).toBe("SELECT 4,\n    5");
  click(named(el, "Copy as %qflow sql"));
  expect(writeText).toHaveBeenCalledWith("%qflow sql SELECT 4, 5");
  vi.unstubAllGlobals();
});

describe("the time", () => {
  const handle = (el: Element, name: string) => el.querySelector<SVGElement>(`[role=slider][aria-label=${name}]`)!;
  const key = (target: Element, name: string) =>
    act(() => void target.dispatchEvent(new KeyboardEvent("keydown", { key: name, bubbles: true })));

  test("is chosen by arrow keys, a bin at a time", () => {
    const { model, el, update } = show(dashboard());
    key(handle(el, "from"), "ArrowRight");
    expect(model.sent).toEqual([{ type: "filter", n: 1, since: T + DAY, until: T + 4 * DAY }]);
    update(dashboard({ n: 1, filter: { since: T + DAY, until: T + 4 * DAY } }));
    key(handle(el, "from"), "Home");
    expect(model.sent.at(-1)).toEqual({ type: "filter", n: 2 });
  });

  test("never turns round", () => {
    const { model, el } = show(dashboard({ filter: { since: T + DAY, until: T + 2 * DAY } }));
    key(handle(el, "from"), "PageUp");
    expect(model.sent).toEqual([{ type: "filter", n: 1, since: T + DAY, until: T + 2 * DAY }]);
  });

  test("is chosen by dragging, to whole bins", () => {
    const { model, el } = show(dashboard());
    const surface = el.querySelector<SVGRectElement>(".qx-surface")!;
    const width = Number(surface.getAttribute("width"));
    const at = (type: string, share: number) =>
      act(() => void surface.dispatchEvent(new MouseEvent(type, { clientX: share * width, button: 0 })));
    at("pointerdown", 0.3);
    at("pointermove", 0.6);
    at("pointerup", 0.6);
    expect(model.sent).toEqual([{ type: "filter", n: 1, since: T + DAY, until: T + 3 * DAY }]);
  });

  test("stacks states and tells them by a pattern", () => {
    expect(stacked(dashboard())[0]).toEqual({
      start: T,
      total: 3,
      parts: [
        { state: "done", runs: 2, from: 0, to: 2 },
        { state: "failed", runs: 1, from: 2, to: 3 },
      ],
    });
    const { el } = show(dashboard());
    expect(el.querySelector("rect.qx-failed")?.getAttribute("fill")).toMatch(/^url\(#.*-failed\)$/);
  });

  test("has round dates that do not touch", () => {
    expect(dates(T, T + 4 * DAY, 500).map(day)).toEqual(["2026-09-22", "2026-09-23", "2026-09-24", "2026-09-25"]);
    expect(dates(T, T + 3650 * DAY, 500).map(day)).toEqual(["2028-01-01", "2030-01-01", "2032-01-01", "2034-01-01", "2036-01-01"]);
  });
});

test("text of runs is never taken as HTML", () => {
  const { el } = show(dashboard());
  expect(el.querySelector(".qx-name i:not(.qx-dot)")).toBeNull();
  expect(el.textContent).toContain("<i>t1</i>");
});

test("without runs it says what to type", () => {
  const { el } = show(dashboard({ total: 0 }));
  expect(el.querySelector("pre")?.textContent).toBe("%%qflow bell --backend aer");
});

test("a kernel that has gone is said, and asked no more", () => {
  const { model, el } = show(dashboard());
  act(() => model.emit("comm_live_update"));
  expect(el.querySelector("[role=alert]")?.textContent).toContain("The kernel has gone");
  click(named(el, "fez, 3 jobs"));
  expect(model.sent).toEqual([]);
});

test("disposing leaves no listener and nothing drawn", () => {
  const { model, el, dispose } = show(dashboard());
  dispose();
  expect([model.listeners, el.childElementCount]).toEqual([0, 0]);
});

describe("money", () => {
  test("has a column for each currency, each with a scale of its own", () => {
    const lines = backendLines(dashboard().charts.backends, {});
    expect(lines.map((line) => line.cells.slice(1).map((cell) => cell.text))).toEqual([["9.00", ""], ["", "6.00"], ["", ""]]);
    expect(lines[0]?.cells[1]?.parts.map((part) => [part.look, part.share])).toEqual([["whole", 4 / 9], ["open", 5 / 9]]);
    expect(lines[1]?.cells[2]?.parts[0]?.share).toBe(1);
    expect(lines[0]?.spoken).toBe("garnet, 2 jobs, 3.0 s on the device, 1.0 s of this machine, 9.00 EUR");
  });

  test("is quoted and spent in a panel for each currency", () => {
    const { el } = show(dashboard());
    const figures = [...el.querySelectorAll("figure")].map((figure) => figure.getAttribute("aria-label"));
    expect(figures).toEqual(["Quote against actual cost in USD", "Quote against actual cost in EUR"]);
    const cells = [...el.querySelectorAll("figure tbody tr")].map((row) => [...row.children].map((c) => c.textContent));
    expect(cells).toEqual([["fez", "4", "8.00", "4.00", "50 %"], ["garnet", "1", "4.00", "4.00", "100 %"]]);
  });

  test("reads as in the text forms", () => {
    expect([money({ cost: 1234.5, currency: "USD" }), money({ cost: 0.00123, currency: "EUR" })]).toEqual(["1,234.50 USD", "0.0012 EUR"]);
  });
});

test("what did not run is a share of the points, or of the calls if those are more", () => {
  const [sample] = savedLines(dashboard().charts.kinds);
  expect(sample?.cells[0]?.text).toBe("25 % of 12");
  const calls = savedLines([{ ...dashboard().charts.kinds[0]!, points: 1, kept: 0, cached: 80 }]);
  expect(calls[0]?.cells[0]?.text).toBe("100 % of 80");
});

test("numbers and filters read well", () => {
  expect([percent(0.0036), percent(0.5), percent(0)]).toEqual(["0.36 %", "50 %", "0 %"]);
  expect([ticks(3), ticks(15), ticks(1)]).toEqual([[0, 1, 2, 3], [0, 5, 10, 15], [0, 1]]);
  expect(said({ since: 0, until: DAY, kind: "step" }).map((chip) => chip.words)).toEqual([
    "from 1970-01-01 00:00 to 1970-01-02 00:00 UTC",
    "kind step",
  ]);
  expect(decades(0.05, 20)).toEqual([0.1, 1, 10]);
  const [low, high] = reach(dashboard().charts.quoted);
  expect(low).toBeLessThan(2);
  expect(high).toBeGreaterThan(4);
});
