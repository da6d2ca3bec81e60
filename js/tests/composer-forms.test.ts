import { act } from "preact/test-utils";
import { describe, expect, test } from "vitest";
import { cell, step } from "./composer-fake";
import { click, compose, dragTo, key, leave, pick, write } from "./composer-drive";

describe("a step", () => {
  test("goes with Delete", () => {
    const { model, node } = compose();
    key(node("fitted"), "Delete");
    expect(model.ops).toEqual([{ do: "remove", step: "fitted" }]);
  });

  test("is walked to with the arrows, and moved with Shift", () => {
    const { model, node } = compose();
    node("decay").focus();
    key(node("decay"), "ArrowRight");
    expect(document.activeElement).toBe(node("counts"));
    const before = Number.parseFloat(node("counts").parentElement!.style.left);
    key(node("counts"), "ArrowRight", { shiftKey: true });
    expect(model.get("places")["counts"]![0]).toBe(Math.round(before + 16));
    expect(model.saves).toBe(1);
  });

  test("stays where it is dragged", async () => {
    const { model, node, button } = compose();
    await dragTo(node("decay"), 110, 60);
    expect(Object.keys(model.get("places"))).toEqual(["decay"]);
    click(button("Put all steps back in order"));
    expect(model.get("places")).toEqual({});
  });

  test("keeps its selection and place under a new name", () => {
    const { model, node, labelled, show } = compose({ places: { fitted: [5, 6] } });
    click(node("fitted"));
    write(labelled("Name of the step"), "fit");
    key(labelled("Name of the step"), "Enter");
    expect(model.ops).toEqual([{ do: "rename", step: "fitted", to: "fit" }]);
    const [decay, counts] = cell().steps;
    show(cell({ revision: 8, steps: [decay!, counts!, step("fit", { edges: ["counts"] })] }));
    expect(node("fit").ariaPressed).toBe("true");
    expect(model.get("places")).toEqual({ fit: [5, 6] });
  });

  test("has its options as fields; an emptied one is taken away", () => {
    const { model, node, labelled, show } = compose();
    click(node("counts"));
    write(labelled("shots"), "8192");
    leave(labelled("shots"));
    show(cell({ revision: 8 }));
    write(labelled("shots"), "");
    key(labelled("shots"), "Enter");
    expect(model.ops).toEqual([
      { do: "option", step: "counts", name: "shots", text: "8192" },
      { do: "option", step: "counts", name: "shots", text: null },
    ]);
  });

  test("is left alone by an edit that changes nothing but spaces", () => {
    const { model, node, labelled } = compose();
    click(node("counts"));
    write(labelled("shots"), " 4096 ");
    leave(labelled("shots"));
    expect([model.sent, labelled("shots").value]).toEqual([[], "4096"]);
  });

  test("says at the field what the kernel holds against it", () => {
    const { node, labelled, el, model, told } = compose();
    click(node("counts"));
    write(labelled("shots"), "0");
    key(labelled("shots"), "Enter");
    told("msg:custom", { type: "refused", op: model.ops[0], message: "shots must be at least 1" });
    expect(labelled("shots").getAttribute("aria-invalid")).toBe("true");
    const described = labelled("shots").getAttribute("aria-describedby")!.split(" ").map((id) => document.getElementById(id)!.textContent);
    expect(described).toContain("shots must be at least 1");
    expect(labelled("shots").value).toBe("0");
    expect(el.querySelectorAll("[role=alert]")).toHaveLength(1);
  });

  test("sends its code on Ctrl+Enter, and not again on leaving when it was refused", () => {
    const { model, node, labelled, told } = compose();
    click(node("fitted"));
    const code = labelled<HTMLTextAreaElement>("Code");
    write(code, "def fitted(counts):\n    return 2");
    key(code, "Enter", { ctrlKey: true });
    leave(code);
    told("msg:custom", { type: "refused", op: model.ops[0], message: "no such name" });
    expect(model.ops).toEqual([{ do: "code", step: "fitted", text: "def fitted(counts):\n    return 2" }]);
  });

  test("indents its code with Tab, and lets Tab out after Escape", () => {
    const { node, labelled } = compose();
    click(node("fitted"));
    const code = labelled<HTMLTextAreaElement>("Code");
    code.setSelectionRange(0, 0);
    key(code, "Tab");
    expect(code.value.startsWith("    def")).toBe(true);
    key(code, "Escape");
    const out = new KeyboardEvent("keydown", { key: "Tab", bubbles: true, cancelable: true });
    act(() => void code.dispatchEvent(out));
    expect(out.defaultPrevented).toBe(false);
  });
});

describe("the workflow", () => {
  test("has its name and the options of the magic line as fields", () => {
    const { model, labelled, button, show } = compose();
    write(labelled("Name of the workflow"), "t2");
    key(labelled("Name of the workflow"), "Enter");
    show(cell({ revision: 8 }));
    click(button("Take shots away"));
    expect(model.ops).toEqual([
      { do: "title", name: "t2" },
      { do: "magic", name: "shots", text: null },
    ]);
  });

  test("has dials as sliders and boxes to tick", () => {
    const { model, all, labelled, show } = compose();
    const slider = all<HTMLInputElement>("input[type=range]")[0]!;
    expect([slider.min, slider.max, slider.value]).toEqual(["0", "50", "21"]);
    pick(slider, "30");
    show(cell({ revision: 8 }));
    labelled("echo").checked = false;
    pick(labelled("echo"), "on");
    expect(model.ops).toEqual([
      { do: "assign", name: "points", text: "30" },
      { do: "assign", name: "echo", text: "False" },
    ]);
  });

  test("takes a new axis", () => {
    const { model, button, labelled } = compose();
    click(button("+ axis"));
    write(labelled("Name of the axis"), "angle");
    write(labelled("Value of the axis"), "qf.axis([0, 1])");
    click(button("Add"));
    expect(model.ops).toEqual([{ do: "assign", name: "angle", text: "qf.axis([0, 1])" }]);
  });

  test("goes back and forth with Ctrl+Z, but not while text is typed", () => {
    const { model, node, labelled } = compose();
    key(node("decay"), "z", { ctrlKey: true });
    key(node("decay"), "Z", { ctrlKey: true, shiftKey: true });
    key(labelled("Name of the workflow"), "z", { ctrlKey: true });
    expect(model.sent).toEqual([{ type: "undo" }, { type: "redo" }]);
  });
});
