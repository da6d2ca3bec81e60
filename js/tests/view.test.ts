import { act } from "preact/test-utils";
import { describe, expect, test, vi } from "vitest";
import widget from "../src/run/index";
import { FakeModel, run, step } from "./fake";

function show(snapshot: unknown) {
  const model = new FakeModel(snapshot);
  const { el, dispose } = showAgain(model);
  return { model, el, dispose };
}

function showAgain(model: FakeModel) {
  const el = document.body.appendChild(document.createElement("div"));
  let dispose = () => {};
  act(() => {
    dispose = widget.render({ model: model as never, el });
  });
  return { el, dispose: () => act(dispose) };
}

const button = (el: Element, name: string) =>
  [...el.querySelectorAll("button")].find((b) => b.textContent?.startsWith(name))!;
const node = (el: Element, name: string) =>
  el.querySelector<HTMLButtonElement>(`[data-step="${name}"]`)!;
const click = (target: HTMLElement) => act(() => target.click());

const counts = step("counts", {
  kind: "sample",
  backend: "fake_manila",
  dims: [["delay", 21], ["qubit", 3]],
  needs: ["decay"],
  total: 63,
  counts: { done: 42, failed: 1, running: 20 },
  state: "running",
  phase: "transpiling",
});

describe("a step", () => {
  test("says its kind, backend, axes, phase and points in words", () => {
    const { el } = show(run([counts]));
    const words = [...node(el, "counts").querySelectorAll("span")]
      .filter((span) => span.children.length === 0 || span.classList.contains("qf-state"))
      .map((span) => span.textContent)
      .filter(Boolean);
    expect(words).toEqual([
      "counts", "sample · fake_manila", "delay 21 × qubit 3", "42/63", "transpiling",
    ]);
  });

  test("that took all its results from another run never looks measured", () => {
    const done = { total: 3, counts: { done: 3 }, state: "done" as const };
    const taken = { count: 3, name: "t1", age: 150 };
    const { el } = show(run([step("counts", { ...done, cached: taken })]));
    const status = node(el, "counts").querySelector<HTMLElement>(".qf-state")!;
    expect(status.textContent).toBe("cached");
    expect(status.title).toBe("cached · run t1 · 3 min ago");
    expect(node(el, "counts").getAttribute("aria-label")).toContain("cached · run t1 · 3 min ago");
  });

  test("that took some of them says how many in its details", () => {
    const done = { total: 21, counts: { done: 21 }, state: "done" as const };
    const taken = { count: 2, name: "t1", age: 7200 };
    const { el } = show(run([step("counts", { ...done, cached: taken })]));
    expect(node(el, "counts").querySelector(".qf-state")!.textContent).toBe("done");
    click(node(el, "counts"));
    expect(el.textContent).toContain("2 of 21 cached · run t1 · 2 h ago");
  });

  test("has a name for screen readers", () => {
    const { el } = show(run([counts]));
    expect(node(el, "counts").getAttribute("aria-label")).toBe(
      "counts, sample on fake_manila, delay 21 × qubit 3, running, transpiling, 42 of 63 points done",
    );
  });

  test.each(["waiting", "running", "done", "failed", "skipped", "cancelled", "partial"] as const)(
    "shows %s by an icon and the word, not by colour alone",
    (state) => {
      const { el } = show(run([step("one", { state })]));
      const mark = node(el, "one").querySelector(".qf-state")!;
      expect(mark.textContent).toBe(state);
      expect(mark.querySelector(`svg.qf-icon-${state}`)).not.toBeNull();
    },
  );

  test("fills its bar with points that are done, failed and dropped", () => {
    const { el } = show(run([step("one", { total: 8, counts: { done: 4, failed: 2, skipped: 2 } })]));
    const widths = ["done", "failed", "dropped"].map(
      (part) => el.querySelector<HTMLElement>(`.qf-bar-${part}`)!.style.width,
    );
    expect(widths).toEqual(["50%", "25%", "25%"]);
  });

  test("opens its details on a click, and closes them on Escape", () => {
    const { el } = show(run([{ ...counts, error: "TooWide: 7 qubits\n  at n = 7" }]));
    node(el, "counts").focus();
    click(node(el, "counts"));
    expect([...el.querySelectorAll("dt, dd")].map((d) => d.textContent)).toEqual([
      "kind", "sample", "backend", "fake_manila", "needs", "decay",
      "axes", "delay 21 × qubit 3", "points", "42 done, 1 failed, 20 running of 63",
    ]);
    expect(el.querySelector("pre")!.textContent).toBe("TooWide: 7 qubits\n  at n = 7");
    const details = el.querySelector(".qf-details")!;
    act(() => {
      details.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
    });
    expect(el.querySelector(".qf-details")).toBeNull();
    expect(document.activeElement).toBe(node(el, "counts"));
  });

  test("can be cancelled alone from its details", () => {
    const { el, model } = show(run([counts]));
    click(node(el, "counts"));
    click(button(el, "Cancel step"));
    expect(model.sent).toEqual([{ type: "cancel", step: "counts" }]);
  });
});

describe("the run", () => {
  test("is cancelled by one press", () => {
    const { el, model } = show(run([counts]));
    click(button(el, "Cancel"));
    expect(model.sent).toEqual([{ type: "cancel" }]);
    expect(button(el, "Cancelling").disabled).toBe(true);
  });

  test("is detached by one press, and can still be cancelled", () => {
    const { el, model } = show(run([counts]));
    click(button(el, "Detach"));
    click(button(el, "Cancel"));
    expect(model.sent).toEqual([{ type: "detach" }, { type: "cancel" }]);
  });

  test.each(["done", "failed", "cancelled"] as const)("takes no presses once %s", (state) => {
    const { el } = show(run([counts], { state }));
    expect(button(el, "Cancel").disabled).toBe(true);
    expect(button(el, "Detach").disabled).toBe(true);
  });

  test("follows the kernel", () => {
    const { el, model } = show(run([counts]));
    act(() => model.update(run([{ ...counts, state: "done", counts: { done: 63 } }], { state: "done" })));
    expect(node(el, "counts").querySelector(".qf-number")!.textContent).toBe("63/63");
    expect(el.querySelector(".qf-header .qf-state")!.textContent).toBe("done");
  });

  test("tells a screen reader of steps, not of points", () => {
    const { el, model } = show(run([counts, step("fit")]));
    const status = el.querySelector('[role="status"]')!;
    const before = status.textContent;
    act(() => model.update(run([{ ...counts, counts: { done: 60 } }, step("fit")])));
    expect(status.textContent).toBe(before);
    expect(before).toBe("bell running: 0 of 2 steps done");
  });

  test("counts its time on between two messages, and stops when it ends", () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] });
    const { el, model } = show(run([counts], { elapsed: 10 }));
    act(() => void vi.advanceTimersByTime(2000));
    expect(el.querySelector(".qf-elapsed")!.textContent).toBe("12.0 s");
    act(() => model.update(run([counts], { elapsed: 12.3, state: "done" })));
    act(() => void vi.advanceTimersByTime(5000));
    expect(el.querySelector(".qf-elapsed")!.textContent).toBe("12.3 s");
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });

  test("says so when its kernel has gone, and takes no presses", () => {
    const { el, model } = show(run([counts]));
    act(() => model.emit("comm_live_update"));
    expect(el.querySelector(".qf-message")!.textContent).toBe(
      "The kernel has gone. This is the last it told.",
    );
    expect(button(el, "Cancel").disabled).toBe(true);
  });

  test("says so when it has heard nothing of its kernel for ten seconds", () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const { el, model } = show(run([counts], { message: "1 job" }));
    const message = () => el.querySelector(".qf-message")!.textContent;
    act(() => void vi.advanceTimersByTime(9_000));
    expect(message()).toBe("1 job");
    act(() => void vi.advanceTimersByTime(2_000));
    expect(message()).toBe("No word from the kernel for over 10 s: it is busy, or gone.");
    act(() => model.update(run([counts], { message: "1 job" })));
    expect(message()).toBe("1 job");
    vi.useRealTimers();
  });

  test("without steps says that it has none", () => {
    const { el } = show(run([], { state: "done" }));
    expect(el.querySelector(".qf-empty")!.textContent).toBe("This workflow has no steps.");
  });

  test("shows something even of an empty snapshot", () => {
    const { el } = show({});
    expect(el.querySelector("article")).not.toBeNull();
  });

  test("keeps its keys from JupyterLab, where d d would delete the cell", () => {
    const { el } = show(run([counts]));
    const heard: string[] = [];
    const listen = (event: Event) => heard.push((event as KeyboardEvent).key);
    document.addEventListener("keydown", listen);
    for (const key of ["d", "Enter", "Escape"]) {
      act(() => void node(el, "counts").dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true })));
    }
    document.removeEventListener("keydown", listen);
    expect(heard).toEqual([]);
  });
});

describe("text from users", () => {
  test("keeps its keys from Notebook 7 too, which asks before the page hears of them", () => {
    const { el } = show(run([counts]));
    node(el, "counts").focus();
    expect(node(el, "counts").hasAttribute("data-lm-suppress-shortcuts")).toBe(false);
    node(el, "counts").blur();
    document.body.dataset["notebook"] = "notebooks";
    node(el, "counts").focus();
    expect(node(el, "counts").hasAttribute("data-lm-suppress-shortcuts")).toBe(true);
    delete document.body.dataset["notebook"];
  });

  test("is never taken as HTML", () => {
    const evil = `<img src=x onerror=alert(1)>"'&\n`;
    const { el } = show(
      run(
        [step(evil, { kind: evil, backend: evil, dims: [[evil, 2]], inputs: [evil], error: evil, state: "failed" })],
        { name: evil, message: evil, inputs: [{ name: evil, summary: evil }], metrics: [{ step: evil, name: evil, values: [1, 2], first: 0 }] },
      ),
    );
    click(el.querySelector<HTMLButtonElement>(".qf-node")!);
    expect(el.querySelectorAll("img, script")).toHaveLength(0);
    expect(el.querySelector(".qf-name")!.textContent).toBe(evil);
    expect(el.querySelector("pre")!.textContent).toBe(evil);
  });
});

describe("logged metrics", () => {
  test("are described in words and drawn once for each name", () => {
    const energy = { step: "minimum", name: "energy", values: [-0.5, null, -1.125], first: 0 };
    const { el, model } = show(run([step("minimum")], { metrics: [energy] }));
    const figure = el.querySelector(".qf-metric")!;
    expect(figure.querySelector("[role=img]")!.getAttribute("aria-label")).toBe(
      "energy of minimum: 2 values from −1.125 to −0.5, now −1.125",
    );
    act(() => model.update(run([step("minimum")], { metrics: [{ ...energy, values: [-0.5, -1.1] }] })));
    expect(el.querySelectorAll("canvas")).toHaveLength(1);
  });
});

describe("a widget", () => {
  test("shown twice works twice", () => {
    const { el, model } = show(run([counts]));
    const second = showAgain(model);
    act(() => model.update(run([{ ...counts, counts: { done: 50 } }])));
    const numbers = [el, second.el].map((e) => node(e, "counts").querySelector(".qf-number")!.textContent);
    expect(numbers).toEqual(["50/63", "50/63"]);
    second.dispose();
    click(button(el, "Cancel"));
    expect(model.sent).toEqual([{ type: "cancel" }]);
  });

  test("leaves no listener, timer or element behind", () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    const energy = { step: "minimum", name: "energy", values: [1, 2], first: 0 };
    const { el, model, dispose } = show(run([counts], { metrics: [energy] }));
    expect(model.listeners).toBe(2);
    dispose();
    expect(model.listeners).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
    expect(el.innerHTML).toBe("");
    vi.useRealTimers();
  });

  test("is taken down by its AbortSignal too", () => {
    const model = new FakeModel(run([counts]));
    const controller = new AbortController();
    const el = document.createElement("div");
    act(() => {
      widget.render({ model: model as never, el, signal: controller.signal });
    });
    act(() => controller.abort());
    expect([model.listeners, el.innerHTML]).toEqual([0, ""]);
  });
});
