import { describe, expect, test } from "vitest";
import { cell, step } from "./composer-fake";
import { click, compose, dragTo, key, pick, write } from "./composer-drive";

describe("the palette", () => {
  test("adds a step that takes the value of the selected one", () => {
    const { model, button, node } = compose();
    click(button("Sample"));
    click(node("decay"));
    click(button("Sample"));
    model.set("cell", cell({ revision: 8 }));
    expect(model.ops).toEqual([
      { do: "add", kind: "sample" },
      { do: "add", kind: "sample", needs: ["decay"] },
    ]);
  });

  test("never lets a circuit take the value of the selected step", () => {
    const { model, button, node } = compose();
    click(node("counts"));
    click(button("Circuit"));
    expect(model.ops).toEqual([{ do: "add", kind: "circuit" }]);
  });

  test("adds a circuit of the notebook", () => {
    const { model, button } = compose();
    click(button("mine"));
    expect(model.ops).toEqual([{ do: "circuit", step: null, source: { notebook: "mine" } }]);
  });

  test("asks for the arguments of a library circuit first", () => {
    const { model, el, button } = compose();
    click(button("real_amplitudes"));
    expect(button("Add").disabled).toBe(true);
    write(el.querySelector(".qfc-arguments input")!, "4");
    click(button("Add"));
    expect(model.ops).toEqual([
      { do: "circuit", step: null, source: { library: "real_amplitudes", arguments: { num_qubits: "4", reps: "3" } } },
    ]);
  });

  test("puts a dropped step where it was dropped, and selects it", async () => {
    const { model, el, button, node, show } = compose();
    const canvas = el.querySelector<HTMLElement>("[data-qfc-canvas]")!;
    canvas.getBoundingClientRect = () => ({ left: 0, top: 0, right: 800, bottom: 420 }) as DOMRect;
    document.elementFromPoint = () => canvas;
    const view = (name: string) => Number.parseFloat(canvas.style.getPropertyValue(name));
    const [x, y, scale] = [view("--qfc-x"), view("--qfc-y"), view("--qfc-scale")];
    await dragTo(button("Sample"), 400, 300);
    expect(model.ops).toEqual([{ do: "add", kind: "sample" }]);
    show(cell({ revision: 8, steps: [...cell().steps, step("samples", { kind: "sample" })] }));
    expect(model.get("places")).toEqual({
      samples: [Math.round((400 - x) / scale - 98), Math.round((300 - y) / scale - 41)],
    });
    expect(node("samples").ariaPressed).toBe("true");
  });

  test("connects a step that is dropped onto another", async () => {
    const { model, el, button, node } = compose();
    const canvas = el.querySelector<HTMLElement>("[data-qfc-canvas]")!;
    canvas.getBoundingClientRect = () => ({ left: 0, top: 0, right: 800, bottom: 420 }) as DOMRect;
    document.elementFromPoint = () => node("decay");
    await dragTo(button("Sample"), 400, 300);
    expect(model.ops).toEqual([{ do: "add", kind: "sample", needs: ["decay"] }]);
  });

  test("adds nothing that is dropped beside the canvas", async () => {
    const { model, button } = compose();
    document.elementFromPoint = () => null;
    await dragTo(button("Sample"), 4000, 3000);
    expect(model.sent).toEqual([]);
  });
});

describe("connecting", () => {
  test("by keyboard: C, the target, Enter", () => {
    const { model, el, node } = compose();
    key(node("decay"), "c");
    expect(el.querySelector(".qfc-banner")!.textContent).toContain("Which step takes decay?");
    expect(node("counts").ariaDisabled).toBe("true");
    click(node("fitted"));
    expect(model.ops).toEqual([{ do: "connect", from: "decay", to: "fitted" }]);
    expect(el.querySelector(".qfc-banner")).toBeNull();
  });

  test("is given up by Escape", () => {
    const { model, el, node } = compose();
    key(node("decay"), "c");
    key(node("decay"), "Escape");
    expect(el.querySelector(".qfc-banner")).toBeNull();
    click(node("fitted"));
    expect(model.sent).toEqual([]);
  });

  test("is given up by a press on a step that cannot take the value", () => {
    const { model, el, node } = compose();
    key(node("decay"), "c");
    click(node("counts"));
    expect([el.querySelector(".qfc-banner"), model.sent]).toEqual([null, []]);
    expect(node("counts").ariaPressed).toBe("false");
  });

  test("by a drag from the port to another step; not to one that has the value", async () => {
    const { model, button, node } = compose();
    document.elementFromPoint = () => node("counts");
    await dragTo(button("Connect decay to another step"), 300, 100);
    document.elementFromPoint = () => node("fitted");
    await dragTo(button("Connect decay to another step"), 500, 100);
    expect(model.ops).toEqual([{ do: "connect", from: "decay", to: "fitted" }]);
  });

  test("is undone by Delete on the edge", () => {
    const { model, el } = compose();
    const edge = el.querySelector('[aria-label="counts takes the value of decay"]')!;
    key(edge, "Enter");
    expect(edge.getAttribute("aria-pressed")).toBe("true");
    key(edge, "Delete");
    expect(model.ops).toEqual([{ do: "disconnect", from: "decay", to: "counts" }]);
  });

  test("in the inspector: chips go, a list adds", () => {
    const { model, node, button, labelled, show } = compose();
    click(node("fitted"));
    click(button("Take counts away from fitted"));
    show(cell({ revision: 8 }));
    pick(labelled<HTMLSelectElement>("Let fitted take"), "delay");
    expect(model.ops).toEqual([
      { do: "disconnect", from: "counts", to: "fitted" },
      { do: "connect", from: "delay", to: "fitted" },
    ]);
  });
});

test("values of the notebook are drawn, modules and functions are not", () => {
  const inputs = [{ name: "site", summary: "str", code: false }, { name: "np", summary: "module", code: true }];
  const { all } = compose({ cell: cell({ inputs, steps: [step("one", { inputs: ["site", "np"] })] }) });
  expect(all(".qfc-world .qf-input").map((one) => one.textContent)).toEqual(["site"]);
});
