import { act } from "preact/test-utils";
import { describe, expect, test, vi } from "vitest";
import { bell, cell, option, step } from "./composer-fake";
import { click, compose, dragTo, key, leave, pick, write } from "./composer-drive";

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

  test("sends its code on Ctrl+Enter, once", () => {
    const { model, node, labelled } = compose();
    click(node("fitted"));
    const code = labelled<HTMLTextAreaElement>("Code");
    write(code, "def fitted(counts):\n    return 2");
    key(code, "Enter", { ctrlKey: true });
    leave(code);
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

describe("the text", () => {
  test("is copied, and asked for as a cell", async () => {
    const copied = vi.fn(async () => undefined);
    vi.stubGlobal("navigator", { ...navigator, clipboard: { writeText: copied } });
    const { model, button } = compose();
    click(button("Text"));
    await act(async () => click(button("Copy")));
    expect(copied).toHaveBeenCalledWith(cell().text);
    expect(model.sent).toEqual([{ type: "write" }]);
    vi.unstubAllGlobals();
  });

  test("that is refused stays to be mended; one that is taken closes the editor", () => {
    const { model, button, labelled, told, show, el } = compose();
    click(button("Text"));
    click(button("Edit text"));
    const area = () => labelled<HTMLTextAreaElement>("Text of the cell");
    write(area(), "%%qflow (");
    key(area(), "Enter", { ctrlKey: true });
    told("msg:custom", { type: "refused", op: model.ops[0], message: "no name" });
    expect(area().value).toBe("%%qflow (");
    expect(el.querySelector("[role=alert]")!.textContent).toBe("no name");
    click(button("Apply"));
    show(cell({ revision: 8 }));
    expect(el.querySelector("textarea")).toBeNull();
  });
});

describe("quote and run", () => {
  const row = { step: "counts", backend: "aer", jobs: "1", circuits: "2", shots: "200", time: "4 s", cost: "$1.20", success: null };
  const quote = { state: "ready" as const, message: null, rows: [row], total: { cost: "$1.20", jobs: "1" }, revision: 7 };

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

  test("a quote that failed says why", () => {
    const { el } = compose({ quote: { ...quote, state: "failed", message: "no backend is called x", rows: [] } });
    expect(el.querySelector(".qfc-quote [role=alert]")!.textContent).toBe("no backend is called x");
  });

  const live = { name: "decay", kind: "circuit", needs: [], inputs: [], dims: [], backend: null, total: 4, counts: { done: 1 }, state: "running" as const, phase: null, seconds: 1, error: null, jobs: 0, calls: null, cached: null, kept: null };
  const run = { name: "t1", run: "r1", state: "running" as const, elapsed: 3, message: null, steps: [live], inputs: [], metrics: [], cost: { machine_s: 0 } };

  test("a run shows on the steps and below, and is cancelled", () => {
    const { el, model, node, button } = compose({ run });
    expect(node("decay").textContent).toContain("running1/4");
    expect(el.querySelector("article.qf-run")).not.toBeNull();
    expect([...el.querySelectorAll("button")].map((one) => one.textContent)).not.toContain("Detach");
    click(button("Cancel run"));
    expect(model.sent).toEqual([{ type: "cancel" }]);
  });

  test("a run of an earlier version is marked, and leaves the steps alone", () => {
    const { el, node, show } = compose({ run });
    show(cell({ revision: 8 }));
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
  });
});

describe("circuits", () => {
  const grid = (el: Element) => el.querySelector<HTMLElement>("[role=grid]")!;

  test("are drawn by keys and sent as gates", () => {
    const { el, model, button } = compose();
    click(button("Draw gates"));
    for (const name of ["h", "c", "ArrowDown", "x"]) key(grid(el), name);
    click(button("Make a circuit"));
    expect(model.ops).toEqual([{ do: "circuit", step: null, source: { gates: bell } }]);
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
