import { describe, expect, test } from "vitest";
import { bell, cell } from "./composer-fake";
import { click, compose, key, write } from "./composer-drive";

describe("circuits", () => {
  const grid = (el: Element) => el.querySelector<HTMLElement>("[role=grid]")!;

  test("are drawn by keys and sent as gates", () => {
    const { el, model, button } = compose();
    click(button("Draw gates"));
    for (const name of ["h", "c", "ArrowDown", "x"]) key(grid(el), name);
    click(button("Make a circuit"));
    expect(model.ops).toEqual([{ do: "circuit", step: null, source: { gates: bell } }]);
  });

  test("take keys also when a button of the editor was pressed last", () => {
    const { model, button } = compose();
    click(button("Draw gates"));
    click(button("One qubit more"));
    for (const name of ["h", "c", "ArrowDown", "x"]) key(button("One qubit more"), name);
    key(button("One qubit more"), "Enter");
    click(button("Make a circuit"));
    expect(model.ops).toEqual([{ do: "circuit", step: null, source: { gates: { ...bell, qubits: 3 } } }]);
  });

  test("keep the keys when a button can be pressed no more", () => {
    const { el, button } = compose();
    click(button("Draw gates"));
    button("One qubit less").focus();
    click(button("One qubit less"));
    expect(button("One qubit less").disabled).toBe(true);
    expect(document.activeElement).toBe(grid(el));
  });

  test("are drawn by mouse, with an angle", () => {
    const { el, model, button } = compose();
    click(button("Draw gates"));
    click(button("RX"));
    click(el.querySelectorAll("[role=gridcell]")[3]!);
    write(el.querySelector<HTMLInputElement>(".qfc-parameters input")!, "theta / 2");
    click(button("Make a circuit"));
    expect(model.ops).toEqual([
      { do: "circuit", step: null, source: { gates: { qubits: 2, gates: [{ name: "rx", qubits: [0], column: 3, parameters: ["theta / 2"] }] } } },
    ]);
  });

  test("open again as they were, and come back as they were changed", () => {
    const { el, model, button, node, show } = compose();
    click(node("decay"));
    click(button("Edit gates"));
    const spoken = [...el.querySelectorAll("[role=gridcell]")].map((one) => one.getAttribute("aria-label")!);
    expect(spoken.filter((one) => !one.endsWith("empty"))).toEqual([
      "qubit 0, column 1: h",
      "qubit 0, column 2: cx, control",
      "qubit 1, column 2: cx, target",
    ]);
    expect(button("Save gates").disabled).toBe(true);
    key(grid(el), "Delete");
    key(grid(el), "z", { ctrlKey: true });
    key(grid(el), "ArrowDown");
    key(grid(el), "h");
    click(button("Save gates"));
    const more = { qubits: 2, gates: [bell.gates[0]!, { ...bell.gates[0]!, qubits: [1] }, bell.gates[1]!] };
    expect(model.ops).toEqual([{ do: "circuit", step: "decay", source: { gates: more } }]);
    show(cell({ revision: 8 }));
    expect(grid(el)).toBeNull();
    expect(node("decay").ariaPressed).toBe("true");
  });

  test("that are refused stay open, with the reason", () => {
    const { el, model, button, told } = compose();
    click(button("Draw gates"));
    key(grid(el), "h");
    click(button("Make a circuit"));
    told("msg:custom", { type: "refused", op: model.ops[0], message: "the name is taken" });
    expect(grid(el)).not.toBeNull();
    expect(el.querySelector("[role=alert]")!.textContent).toBe("the name is taken");
  });

  test("have one to eight qubits", () => {
    const { el, button } = compose();
    click(button("Draw gates"));
    for (let i = 0; i < 6; i++) click(button("One qubit more"));
    expect(el.querySelectorAll("[role=row]")).toHaveLength(8);
    expect(button("One qubit more").disabled).toBe(true);
  });

  test("come from OpenQASM, also in place of another", () => {
    const { el, model, button, node } = compose();
    click(node("decay"));
    click(button("Replace by OpenQASM"));
    write(el.querySelector("textarea")!, "OPENQASM 3.0;");
    key(el.querySelector("textarea")!, "Enter", { ctrlKey: true });
    expect(model.ops).toEqual([{ do: "circuit", step: "decay", source: { qasm: "OPENQASM 3.0;" } }]);
  });
});
