import { act } from "preact/test-utils";
import { describe, expect, test, vi } from "vitest";
import { cell, option, step } from "./composer-fake";
import { click, compose, key, write } from "./composer-drive";

describe("an empty cell", () => {
  const empty = cell({ text: "%%qflow untitled\n", steps: [], dials: [], axes: [], inputs: [] });

  test("says how to begin, and cannot be run", () => {
    const { el, button } = compose({ cell: empty });
    expect(el.textContent).toContain("Start with a circuit");
    expect(button("Run").disabled).toBe(true);
    expect(el.querySelector(".qfc-verdict")!.textContent).toBe("empty");
  });

  test("shows without any trait of the kernel", () => {
    const { el } = compose({ cell: {}, palette: {} });
    expect(el.querySelector("article")!.getAttribute("aria-label")).toBe("Composer of a new workflow");
  });
});

describe("a full cell", () => {
  test("draws each step with what it is, for eyes and for screen readers", () => {
    const { node } = compose();
    expect(node("counts").getAttribute("aria-label")).toBe(
      "counts, sample on aer, delay 2, 4,096 shots, takes decay",
    );
    expect(node("counts").textContent).toBe("countssample · aerdelay 24,096 shots");
  });

  test("keeps its keys from JupyterLab, but lets Ctrl+S through", () => {
    const { el, node } = compose();
    const heard: string[] = [];
    const listen = (event: Event) => heard.push((event as KeyboardEvent).key);
    document.addEventListener("keydown", listen);
    for (const name of ["d", "c", "Escape", "Enter"]) key(node("decay"), name);
    for (const name of ["z", "s"]) key(node("decay"), name, { ctrlKey: true });
    document.removeEventListener("keydown", listen);
    expect(heard).toEqual(["s"]);
    expect(el.querySelector("article")!.getAttribute("aria-label")).toBe("Composer of t1");
  });

  test("gives every button a name and every field a label", () => {
    const { all, node } = compose();
    click(node("counts"));
    const nameless = all("button").filter((one) => !one.getAttribute("aria-label") && !one.textContent);
    const fields = all<HTMLInputElement>("input, select, textarea");
    const unlabelled = fields.filter((one) => !one.getAttribute("aria-label") && !one.labels?.length);
    expect([nameless, unlabelled]).toEqual([[], []]);
  });

  test("is drawn twice in two places, each with its own", () => {
    const [one, two] = [compose(), compose()];
    click(one.node("counts"));
    expect([one.node("counts").ariaPressed, two.node("counts").ariaPressed]).toEqual(["true", "false"]);
  });
});

describe("a cell that cannot run", () => {
  const broken = cell({
    readable: false,
    problems: [{ message: "'(' was never closed", line: 4, step: "counts" }],
    steps: [step("counts", { problem: "shots must be at least 1", options: [option("shots", { text: "0" })] })],
  });

  test("says why, where, and cannot be run", () => {
    const { el, button, node } = compose({ cell: broken });
    expect(el.querySelector(".qfc-problems")!.textContent).toBe("'(' was never closedcounts, line 4");
    expect(el.querySelector(".qfc-verdict")!.textContent).toBe("1 problem");
    expect(node("counts").textContent).toContain("problem");
    expect(button("Run").disabled).toBe(true);
  });

  test("leads from the problem to the step, and shows it at the option it names", () => {
    const { el, labelled } = compose({ cell: broken });
    click(el.querySelector(".qfc-problem")!);
    expect(labelled("shots").getAttribute("aria-invalid")).toBe("true");
  });

  test("leads to the text, to be mended", () => {
    const { model, button, labelled } = compose({ cell: broken });
    click(button("Mend the text"));
    write(labelled<HTMLTextAreaElement>("Text of the cell"), "%%qflow t1\n");
    click(button("Apply"));
    expect(model.ops).toEqual([{ do: "text", text: "%%qflow t1\n" }]);
  });
});

describe("the end", () => {
  test("leaves no listener, also in the middle of a drag", () => {
    const added = vi.spyOn(window, "addEventListener");
    const { model, el, node, dispose } = compose();
    const down = new PointerEvent("pointerdown", { bubbles: true, button: 0, clientX: 0, clientY: 0 });
    act(() => void node("decay").dispatchEvent(down));
    const signals = added.mock.calls.map(([, , options]) => (options as AddEventListenerOptions).signal!);
    expect(signals.map((signal) => signal.aborted)).toEqual([false, false, false, false]);
    dispose();
    expect(signals.every((signal) => signal.aborted)).toBe(true);
    expect([model.listeners, el.childElementCount]).toEqual([0, 0]);
    added.mockRestore();
  });

  test("of the kernel leaves all to be read and nothing to be sent", () => {
    const { el, model, node, told, button } = compose();
    told("comm_live_update");
    expect(el.querySelector("[role=alert]")!.textContent).toContain("The kernel has gone.");
    key(node("fitted"), "Delete");
    expect(button("Sample").disabled).toBe(true);
    expect(model.sent).toEqual([]);
  });
});
