import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { unlike } from "../src/composer/field";
import { depth, gateAt, label, part, put, resize } from "../src/composer/grid";
import { indent, opened } from "../src/composer/indent";
import type { Message } from "../src/composer/model";
import { Outbox } from "../src/composer/outbox";
import { link, nearest, placed } from "../src/composer/placement";
import { type Bench, erase, gateTypes, go, press, type } from "../src/composer/placing";
import { around, rounded } from "../src/composer/range";
import { below, change, offers, sources, targets } from "../src/composer/shape";
import { fit, toWorld, zoom } from "../src/composer/viewport";
import { bell, cell, palette, step } from "./composer-fake";

describe("the outbox", () => {
  let sent: Message[];
  let outbox: Outbox;
  beforeEach(() => {
    vi.useFakeTimers();
    sent = [];
    outbox = new Outbox(7, (message) => sent.push(message));
  });
  afterEach(() => {
    outbox.dispose();
    vi.useRealTimers();
  });
  const remove = (name: string) => ({ do: "remove", step: name }) as const;

  test("sends the next edit only on the revision that answered the one before", () => {
    outbox.put(remove("a"));
    outbox.put(remove("b"));
    expect(sent).toEqual([{ type: "edit", revision: 7, op: remove("a") }]);
    outbox.seen(8);
    expect(sent[1]).toEqual({ type: "edit", revision: 8, op: remove("b") });
  });

  test("goes on after a refusal, with the revision as it was", () => {
    outbox.put(remove("a"));
    outbox.put(remove("b"));
    outbox.refused();
    expect(sent[1]).toEqual({ type: "edit", revision: 7, op: remove("b") });
  });

  test("keeps only the newest of edits of the same thing", () => {
    outbox.put(remove("a"));
    for (const text of ["1", "2", "3"]) outbox.put({ do: "assign", name: "points", text });
    outbox.seen(8);
    outbox.seen(9);
    expect(sent.slice(1)).toEqual([
      { type: "edit", revision: 8, op: { do: "assign", name: "points", text: "3" } },
    ]);
  });

  test("does not wait for ever for an edit that changed nothing", () => {
    outbox.put(remove("a"));
    outbox.put(remove("b"));
    vi.advanceTimersByTime(2001);
    expect(sent).toHaveLength(2);
  });
});

describe("the shape of the graph", () => {
  const { steps } = cell();

  test("knows what is below a step", () => {
    expect([...below(steps, "decay")]).toEqual(["counts", "fitted"]);
  });

  test("offers no target that would close a circle, or has the value already", () => {
    expect([...targets(steps, "decay")]).toEqual(["fitted"]);
    expect([...targets(steps, "fitted")]).toEqual([]);
    expect(sources(steps, "fitted")).toEqual(["decay"]);
  });

  test("offers the names of the cell that a step does not take", () => {
    expect(offers(cell(), step("one", { needs: ["points"] }))).toEqual(["delay", "echo", "site"]);
  });

  test("sees a new name in the same place as a renamed step", () => {
    const [a, b] = [step("a"), step("b")];
    expect(change([a, b], [a, step("c")])).toEqual({ added: [], renamed: ["b", "c"] });
    expect(change([a], [a, b])).toEqual({ added: ["b"], renamed: null });
  });
});

describe("places", () => {
  const boxes = (steps = cell().steps, places = {}) => placed(steps, [], "LR", places);

  test("a step stands where a person put it, and its edges follow", () => {
    const [before, after] = [boxes(), boxes(cell().steps, { counts: [500, 300] })];
    expect(after.nodes.get("step:counts")).toMatchObject({ x: 500, y: 300 });
    expect(after.nodes.get("step:decay")).toEqual(before.nodes.get("step:decay"));
    expect(after.edges[0]!.path).not.toBe(before.edges[0]!.path);
  });

  test("an edge that goes back leaves and enters along the flow all the same", () => {
    expect(link({ x: 100, y: 0 }, { x: 0, y: 50 }, "LR")).toBe("M100.0 0.0C160.0 0.0 -60.0 50.0 0.0 50.0");
  });

  test("an arrow key goes to the step ahead, not to one beside", () => {
    const at = (x: number, y: number) => ({ x, y, width: 10, height: 10 });
    const others = new Map([["ahead", at(100, 10)], ["aside", at(20, 200)], ["back", at(-50, 0)]]);
    expect(nearest(others, at(0, 0), "ArrowRight")).toBe("ahead");
    expect(nearest(others, at(0, 0), "ArrowLeft")).toBe("back");
    expect(nearest(others, at(0, 0), "ArrowUp")).toBeNull();
  });

  test("zooming keeps what is under the pointer there", () => {
    const view = fit([{ x: 0, y: 0, width: 400, height: 100 }], { width: 800, height: 400 });
    expect(view).toEqual({ scale: 1, x: 200, y: 150 });
    expect(toWorld(zoom(view, 1.5, 300, 200), 300, 200)).toEqual(toWorld(view, 300, 200));
  });
});

describe("text of Python", () => {
  const after = (text: string, { start, end, text: now }: { start: number; end: number; text: string }) =>
    text.slice(0, start) + now + text.slice(end);

  test("Tab fills up to the next four columns; Shift+Tab takes them away", () => {
    expect(after("ab", indent("ab", 2, 2, false))).toBe("ab  ");
    expect(after("    ab", indent("    ab", 6, 6, true))).toBe("ab");
  });

  test("Tab moves all selected lines", () => {
    expect(after("a\nb", indent("a\nb", 0, 3, false))).toBe("    a\n    b");
  });

  test("Enter keeps the indentation, and goes in after a colon", () => {
    expect(after("  a", opened("  a", 3, 3))).toBe("  a\n  ");
    expect(after("def f():", opened("def f():", 8, 8))).toBe("def f():\n    ");
  });
});

test("a slider covers the value it starts at, in steps one would write", () => {
  expect(around(21, true)).toEqual({ min: 0, max: 50, step: 1 });
  expect(around(0.3, false)).toEqual({ min: 0, max: 1, step: 0.01 });
  expect(around(-2, true)).toEqual({ min: -10, max: 10, step: 1 });
  expect(around(0, false)).toEqual({ min: 0, max: 1, step: 0.01 });
  expect(rounded(0.30000004, around(0.3, false))).toBe("0.3");
  expect(rounded(21, around(21, true))).toBe("21");
});

test("a text that is no number is told before it is sent", () => {
  expect(unlike("int", "4_096")).toBeNull();
  expect(unlike("int", "many")).toBe("a whole number, as 4096");
  expect(unlike("float", "1e-3")).toBeNull();
  expect(unlike("float", "1e-")).toBe("a number, as 0.01");
});

describe("a grid of gates", () => {
  const gate = (name: string, qubits: number[], column: number) => ({ name, qubits, column, parameters: [] });

  test("a gate takes the place of all that it covers", () => {
    const three = { qubits: 3, gates: [gate("h", [1], 0), gate("x", [2], 0), gate("h", [1], 1)] };
    expect(put(three, gate("cx", [0, 2], 0)).gates).toEqual([gate("cx", [0, 2], 0), gate("h", [1], 1)]);
  });

  test("loses gates with their qubits, and keeps a barrier over all", () => {
    const circuit = { qubits: 3, gates: [gate("cx", [0, 2], 0), gate("h", [0], 1), gate("barrier", [0, 1, 2], 2)] };
    expect(resize(circuit, 2).gates).toEqual([gate("h", [0], 1), gate("barrier", [0, 1], 2)]);
    expect(depth(circuit)).toBe(3);
  });

  test("draws controls as dots and targets by their gate", () => {
    const toffoli = gate("ccx", [0, 2, 1], 0);
    expect([0, 1, 2].map((qubit) => part(toffoli, qubit))).toEqual(["control", "target", "control"]);
    expect(part(gate("cswap", [0, 1, 2], 0), 2)).toBe("swap");
    expect(part(gate("rzz", [0, 1], 0), 0)).toBe("box");
    expect([label("crz"), label("sdg"), label("ccz")]).toEqual(["Rz", "S†", "Z"]);
  });
});

describe("placing gates", () => {
  const types = gateTypes(palette.gates);
  const start: Bench = { circuit: { qubits: 3, gates: [] }, cursor: { qubit: 0, column: 0 }, armed: null, pending: null, say: "" };
  const keys = (...names: string[]) => names.reduce((bench, name) => type(bench, name, types) ?? bench, start);

  test("a letter places a gate and goes on", () => {
    const after = keys("h", "x");
    expect(after.circuit.gates.map((gate) => [gate.name, gate.column])).toEqual([["h", 0], ["x", 1]]);
    expect(after.cursor).toEqual({ qubit: 0, column: 2 });
  });

  test("c, an arrow and x make a controlled gate; two controls a Toffoli", () => {
    const one = type(go(keys("c"), 2, 5), "x", types)!;
    expect(one.circuit.gates).toEqual([{ name: "cx", qubits: [0, 2], column: 0, parameters: [] }]);
    const two = type(go(type(go(keys("c"), 1, 0), "c", types)!, 2, 0), "x", types)!;
    expect(two.circuit.gates[0]).toMatchObject({ name: "ccx", qubits: [0, 1, 2] });
  });

  test("a controlled gate that does not exist is told, and nothing is placed", () => {
    const after = type(go(keys("c"), 1, 0), "h", types)!;
    expect(after.say).toBe("There is no gate ch.");
    expect(after.circuit.gates).toEqual([]);
  });

  test("a gate in hand asks for its qubits one by one", () => {
    const cx = types.find((one) => one.name === "cx")!;
    const half = press({ ...start, armed: cx });
    expect(half.say).toBe("CX: qubit 2 of 2. Esc gives up.");
    expect(press(half).circuit.gates).toEqual([]);
    expect(press(go(half, 2, 9)).circuit.gates).toEqual([{ name: "cx", qubits: [0, 2], column: 0, parameters: [] }]);
  });

  test("Delete empties the field, Backspace the one before", () => {
    expect(erase(go(keys("h"), 0, 0), false).circuit.gates).toEqual([]);
    expect(erase(keys("h"), false).circuit.gates).toHaveLength(1);
    expect(erase(keys("h"), true)).toMatchObject({ circuit: { gates: [] }, cursor: { column: 0 } });
  });

  test("the cursor stays on the grid", () => {
    expect(go(start, 9, 99).cursor).toEqual({ qubit: 2, column: 39 });
    expect(gateAt(bell, { qubit: 1, column: 1 })!.name).toBe("cx");
  });
});
