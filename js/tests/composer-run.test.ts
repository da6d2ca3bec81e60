import { act } from "preact/test-utils";
import { describe, expect, test, vi } from "vitest";
import { PATIENCE } from "../src/composer/silence";
import { cell } from "./composer-fake";
import { click, compose } from "./composer-drive";

describe("quote and run", () => {
  const row = { step: "counts", backend: "aer", jobs: "1", circuits: "2", shots: "200", time: "4 s", cost: "$1.20", success: null };
  const quote = { state: "ready" as const, message: null, rows: [row], total: { cost: "$1.20", jobs: "1" }, warning: null, revision: 7 };

  test("the figures stand in a table, and the price on the button", () => {
    const { all, button } = compose({ quote });
    expect(all("thead th").map((one) => one.textContent)).toEqual(["step", "backend", "jobs", "circuits", "shots", "time", "cost"]);
    expect(all("tbody tr")[0]!.textContent).toBe("countsaer122004 s$1.20");
    expect(button("Run · $1.20").disabled).toBe(false);
  });

  test("a price of an earlier version is marked, and not on the button", () => {
    const { el, button, model } = compose({ quote: { ...quote, revision: 6 } });
    expect(el.querySelector(".qfc-quote")!.textContent).toContain("of an earlier version");
    click(button("Quote again"));
    click(button("Run"));
    expect(model.sent).toEqual([{ type: "quote" }, { type: "run" }]);
  });

  test("the figures stay while new ones are worked out", () => {
    const { el, model } = compose({ quote });
    act(() => model.set("quote", { ...quote, state: "working", rows: [], total: {} }));
    expect(el.querySelector(".qfc-quote [role=status]")!.textContent).toBe("working it out…");
    expect(el.querySelector("tbody")!.textContent).toContain("$1.20");
  });

  test("a quote that takes long says how long, and that nothing has to wait for it", () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] });
    const { el, model, button } = compose({ quote: { ...quote, state: "working", rows: [], total: {} } });
    const said = () => el.querySelector(".qfc-quote h4")!.textContent;
    expect(said()).toBe("Quoteworking it out…");
    act(() => void vi.advanceTimersByTime(12_000));
    expect(said()).toBe("Quoteworking it out…You can go on editing, and run it without a quote.12.0 s");
    expect(button("Run").disabled).toBe(false);
    act(() => model.set("quote", { ...quote, state: "working", rows: [], total: {}, revision: 8, message: "behind another" }));
    expect(said()).toBe("Quotewaiting for that of an earlier version…");
    vi.useRealTimers();
  });

  test("a quote that failed says why", () => {
    const { el } = compose({ quote: { ...quote, state: "failed", message: "no backend is called x", rows: [] } });
    expect(el.querySelector(".qfc-quote [role=alert]")!.textContent).toBe("no backend is called x");
  });

  test("a cost above the budget is warned of beside the button, until the text changes", () => {
    const warning = "costs 1.20 USD or more, above the budget of 1 USD: it would stop on the way";
    const { el, show } = compose({ quote: { ...quote, warning } });
    expect(el.querySelector(".qfc-actions [role=status]")!.textContent).toBe(warning);
    show(cell({ revision: 8 }));
    expect(el.querySelector(".qfc-actions [role=status]")).toBeNull();
  });

  const live = { name: "decay", kind: "circuit", needs: [], inputs: [], dims: [], backend: null, total: 4, counts: { done: 1 }, state: "running" as const, phase: null, seconds: 1, error: null, jobs: 0, calls: null, cached: null, kept: null };
  const run = { name: "t1", run: "r1", state: "running" as const, elapsed: 3, message: null, steps: [live], inputs: [], metrics: [], cost: { machine_s: 0 } };

  test("a run shows on the steps and below, and is cancelled", () => {
    const { el, model, node, button } = compose({ run, cell: cell({ ran: true }) });
    expect(node("decay").textContent).toContain("running1/4");
    expect(el.querySelector("article.qf-run")).not.toBeNull();
    expect([...el.querySelectorAll("button")].map((one) => one.textContent)).not.toContain("Detach");
    click(button("Cancel run"));
    expect(model.sent).toEqual([{ type: "cancel" }]);
  });

  test("a run of an earlier version is marked, and leaves the steps alone", () => {
    const { el, node } = compose({ run, cell: cell({ ran: false }) });
    expect(node("decay").textContent).not.toContain("running");
    expect(el.querySelector(".qfc-run")!.textContent).toContain("of an earlier version");
  });

  test("a run that is refused can be tried again", () => {
    const { el, button, told } = compose();
    click(button("Run"));
    expect(button("Starting…").disabled).toBe(true);
    told("msg:custom", { type: "refused", op: { do: "run" }, message: "the budget is spent" });
    expect(button("Run").disabled).toBe(false);
    expect(el.querySelector(".qfc-notice")!.textContent).toBe("the budget is spent");
    click(button("Dismiss"));
    expect(el.querySelector(".qfc-notice")).toBeNull();
    told("msg:custom", { type: "refused", op: { do: "run" }, message: "the budget is spent" });
    click(button("Run"));
    expect(el.querySelector(".qfc-notice")).toBeNull();
  });

  test("a kernel that does not answer is told of, until it does", () => {
    vi.useFakeTimers();
    const { el, button, show } = compose();
    const said = () => el.querySelector(".qfc-notice")?.textContent ?? "";
    click(button("Undo (Ctrl+Z)"));
    act(() => void vi.advanceTimersByTime(PATIENCE - 1));
    expect(said()).toBe("");
    act(() => void vi.advanceTimersByTime(1));
    expect(said()).toContain("No answer from the kernel: it is busy, or gone.");
    show(cell({ revision: 8 }));
    expect(said()).toBe("");
    act(() => void vi.advanceTimersByTime(10 * PATIENCE));
    expect(said()).toBe("");
    vi.useRealTimers();
  });
});
