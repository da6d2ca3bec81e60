// The views of devices and of two runs.
import { act } from "preact/test-utils";
import { describe, expect, test } from "vitest";
import { describe as said, towards } from "../src/dashboard/coupling";
import widget from "../src/dashboard/index";
import { PAIRS, QUBITS, bare, scale, told } from "../src/dashboard/scale";
import { inOrder } from "../src/dashboard/table";
import { backends, compared, device } from "./explored";
import { FakeModel } from "./fake";

function show(state: unknown) {
  const model = new FakeModel(state);
  const el = document.body.appendChild(document.createElement("div"));
  act(() => void widget.render({ model: model as never, el }));
  return { model, el };
}
const click = (target: Element) => act(() => void target.dispatchEvent(new MouseEvent("click", { bubbles: true })));
const key = (target: Element, name: string) => act(() => void target.dispatchEvent(new KeyboardEvent("keydown", { key: name, bubbles: true })));
const column = (el: Element, n: number) => [...el.querySelectorAll(".qx-sorted tbody tr")].map((row) => row.children[n]?.textContent);

test("devices are there while their quotes are still worked out", () => {
  const { el } = show({ ...backends(), choice: null, working: true });
  expect(el.querySelector("[role=status]")!.textContent).toBe("Working out what the workflow would take on each…");
  expect(el.querySelector(".qx-qubit")).not.toBeNull();
});

test("what the kernel left out is told", () => {
  for (const state of [backends(), compared()]) {
    expect(show(state).el.querySelector("[role=note]")).toBeNull();
    expect(show({ ...state, omitted: ["the maps of a, b"] }).el.querySelector("[role=note]")!.textContent).toBe(
      "Not shown, to keep this view quick: the maps of a, b.",
    );
  }
});

describe("a device", () => {
  test("tells each qubit and its couplings in words and units", () => {
    expect(said(device(), 1)).toBe("qubit 1 · readout error 5 % · T1 200 µs · cx to 0: 0.8 %, to 2: out of use");
    const { el } = show(backends());
    expect(el.querySelector(".qx-told")?.textContent).toBe(said(device(), 0));
  });

  test("has one tab stop; arrow keys go from qubit to qubit", () => {
    const { el } = show(backends());
    const stops = () => [...el.querySelectorAll(".qx-qubit")].map((q) => q.getAttribute("tabindex"));
    expect(stops()).toEqual(["0", "-1", "-1"]);
    key(el.querySelector(".qx-map")!, "ArrowRight");
    expect(stops()).toEqual(["-1", "0", "-1"]);
    expect(el.querySelector(".qx-told")?.textContent).toBe(said(device(), 1));
  });

  test("keeps what is out of use off the scale and dashes it", () => {
    const { el } = show(backends());
    const couplings = [...el.querySelectorAll(".qx-coupling")].map((line) => line.classList.contains("qx-unknown"));
    expect(couplings).toEqual([false, true]);
    const ramps = [...el.querySelectorAll(".qx-ramp")].map((ramp) => ramp.getAttribute("aria-label"));
    expect(ramps).toEqual([
      "qubits: readout error: best 1 %, median 2 %, worst 5 %",
      "couplings: cx error: best 0.8 %, median 0.8 %, worst 0.8 %",
    ]);
  });

  test("has a table that its heads sort, unknown values last", () => {
    const { el } = show(backends());
    expect(column(el, 1)).toEqual(["2", "5", "1"]);
    const head = el.querySelectorAll(".qx-sorted thead button")[1]!;
    click(head);
    expect(column(el, 1)).toEqual(["1", "2", "5"]);
    click(head);
    expect(column(el, 1)).toEqual(["5", "2", "1"]);
    expect(el.querySelectorAll("th[aria-sort]")[1]?.getAttribute("aria-sort")).toBe("descending");
    const value = (row: { v?: number }) => row.v;
    expect(inOrder([{}, { v: 2 }, { v: 1 }], { title: "v", value, text: String }, true)).toEqual([{ v: 2 }, { v: 1 }, {}]);
  });

  test("without a map or a calibration is told in a line", () => {
    const none = { places: [], qubits: [], pairs: [], note: "no noise, so no calibration" };
    const { el } = show(backends({ devices: [device(none)] }));
    expect(el.querySelector(".qx-map, .qx-sorted")).toBeNull();
    expect(el.textContent).toContain("no noise, so no calibration");
  });
});

test("a scale runs from the best to the worst value", () => {
  const times = scale([1e-4, undefined, 1e-5], true)!;
  expect([times.at(1e-4), times.at(1e-5)]).toEqual([0, 1]);
  expect(scale([undefined, 0], false)).toBeNull();
  expect([told(QUBITS[2]!, 1.234e-4), bare(PAIRS[0]!, 0.00812), told(PAIRS[0]!, undefined)]).toEqual(["123 µs", "0.812", ""]);
});

test("arrow keys stay where no qubit lies", () => {
  const places = [[0, 0], [10, 0], [0, 10]] as const;
  expect([towards([...places], 0, 1, 0), towards([...places], 0, 0, 1), towards([...places], 0, -1, 0)]).toEqual([1, 2, 0]);
});

test("a choice says what rules a backend out, and opens the one that is clicked", () => {
  const some = { cost: "1.00 USD", time: "3 s", wait: "0 s", success: "90 %", success_value: 0.9 };
  const candidates = [
    { backend: "fake_manila", ...some, front: true, ruled_out: "" },
    { backend: "small", ...some, front: false, ruled_out: "cannot run: too wide" },
  ];
  const choice = { title: "bell · backends to choose from", sentence: "fake_manila is best.", candidates };
  const { el } = show(backends({ devices: [device(), device({ name: "small" })], choice }));
  expect(el.textContent).toContain("ruled out by cannot run: too wide");
  click([...el.querySelectorAll("button.qx-link")].find((b) => b.textContent === "small")!);
  expect(el.querySelector(".qx-device")?.getAttribute("aria-label")).toBe("small");
});

test("without a backend it says what to type", () => {
  const { el } = show(backends({ devices: [] }));
  expect(el.querySelector("pre")?.textContent).toBe('qf.Backends(among=["fake_manila", "fake_torino"])');
});

describe("two runs", () => {
  test("show what differs before what results say", () => {
    const { el } = show(compared());
    expect([...el.querySelectorAll("h4")].map((h) => h.textContent)).toEqual(["What differs", "Results", "What it took"]);
    expect(el.querySelector(".qx-verdict")?.textContent).toBe("≠Results differ3 points tested, 1 differs, at 1 % for all together");
    expect([...el.querySelectorAll(".qx-diff span")].map((s) => s.className)).toEqual(["qx-line-head", "qx-line-old", "qx-line-new"]);
    expect(el.querySelector(".qx-diff b")).toBeNull();
  });

  test("are exchanged for others by the kernel", () => {
    const { model, el } = show(compared());
    const [from] = el.querySelectorAll("select");
    act(() => {
      from!.value = "bell:3";
      from!.dispatchEvent(new Event("change", { bubbles: true }));
    });
    expect(model.sent).toEqual([{ type: "compare", n: 1, a: "bell:3", b: "bell:2" }]);
    expect(el.querySelector("[role=status]")?.textContent).toBe("Comparing…");
    click(el.querySelector("[aria-label='Swap the two runs']")!);
    expect(model.sent.at(-1)).toEqual({ type: "compare", n: 2, a: "bell:2", b: "bell:3" });
  });
});
