import { h, render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, describe, expect, test, vi } from "vitest";
import { ABSENT, Refused } from "../src/lab/client";
import { Sidebar } from "../src/lab/view";
import { row, server } from "./lab-fake";

const doings = () => ({
  create: vi.fn(),
  cancel: vi.fn(),
  open: vi.fn(),
  insert: vi.fn(),
  load: vi.fn(),
  resume: vi.fn(),
});

async function show(runs: Parameters<typeof server>[0]) {
  const made = server(runs);
  const acts = doings();
  const el = document.body.appendChild(document.createElement("div"));
  act(() => render(h(Sidebar, { desk: made.desk, doings: acts }), el));
  const ask = () => act(async () => void (await made.desk.ask()));
  return { ...made, acts, el, ask };
}

const button = (el: Element, name: string) =>
  [...el.querySelectorAll<HTMLButtonElement>("button")].find(
    (each) => (each.getAttribute("aria-label") ?? each.textContent)!.trim() === name,
  )!;
const press = (target: HTMLElement) => act(async () => target.click());
const runs = (el: Element) => [...el.querySelectorAll(".qf-side-name")].map((each) => each.textContent);

afterEach(() => vi.useRealTimers());

describe("the sidebar", () => {
  test("says that it looks, then that there is nothing, then what there is", async () => {
    const { el, ask, tell, acts } = await show([]);
    expect(el.textContent).toContain("Looking for runs");
    await ask();
    expect(el.textContent).toContain("Nothing has run here yet");
    await press(button(el, "New workflow notebook"));
    expect(acts.create).toHaveBeenCalledOnce();
    tell([row("bell", { number: 12 })]);
    await ask();
    expect(runs(el)).toEqual(["bell:12"]);
    expect(el.querySelector(".qf-side-home")!.textContent).toBe("…/me/.qflow");
  });

  test("cancels a run once, and tells when it has ended", async () => {
    const { el, ask, tell, client } = await show([row("bell", { state: "running" })]);
    await ask();
    await press(button(el, "Cancel bell:1"));
    expect(client.cancel).toHaveBeenCalledWith("id-bell", "a.ipynb");
    expect(button(el, "Cancel bell:1").disabled).toBe(true);
    expect(el.querySelector(".qf-side-more")!.textContent).toContain("cancelling");
    tell([row("bell", { state: "cancelled" })]);
    await ask();
    expect(button(el, "Cancel bell:1")).toBeUndefined();
    expect(el.querySelector("[role=status]")!.textContent).toBe("bell:1 cancelled");
  });

  test("lets one try again when a run could not be asked to end", async () => {
    const { el, ask, client } = await show([row("bell", { state: "running" })]);
    await ask();
    client.cancel.mockRejectedValueOnce(new Refused("cannot write /runs: Permission denied"));
    await press(button(el, "Cancel bell:1"));
    expect(el.querySelector("[role=alert]")!.textContent).toBe("cannot write /runs: Permission denied");
    expect(button(el, "Cancel bell:1").disabled).toBe(false);
  });

  test("offers for a run what can be done with it", async () => {
    const gone = row("gone", { state: "unfinished" });
    const failed = row("bad", { state: "failed", path: "b.ipynb", notebook: "b.ipynb", error: "<b>no</b>" });
    const { el, ask, acts } = await show([gone, failed]);
    await ask();
    const [first, second] = [...el.querySelectorAll<HTMLElement>(".qf-side-main")];
    await press(first!);
    expect(first!.getAttribute("aria-expanded")).toBe("true");
    const offered = () => [...el.querySelectorAll(".qf-side-acts button")].map((each) => each.textContent);
    expect(offered()).toEqual(["Insert cell", "Load", "Resume"]);
    expect(el.textContent).toContain("Its process has gone");
    await press(button(el, "Resume"));
    expect(acts.resume).toHaveBeenCalledWith(gone, [gone, failed]);
    await press(second!);
    expect(offered()).toEqual(["Open", "Insert cell", "Load", "Resume"]);
    // What an error says stays text.
    expect(el.querySelector(".qf-side-error")!.textContent).toBe("<b>no</b>");
    await press(second!);
    expect(offered()).toEqual([]);
  });

  test("keeps what it has while the server is silent, and says so", async () => {
    const { el, ask, client } = await show([row("bell")]);
    await ask();
    client.runs.mockRejectedValueOnce(new TypeError("Failed to fetch"));
    await ask();
    expect(runs(el)).toEqual(["bell:1"]);
    expect(el.querySelector("[role=alert]")!.textContent).toBe(
      "The Jupyter server does not answer: Failed to fetch",
    );
    client.runs.mockRejectedValueOnce(new Refused(ABSENT, true));
    await ask();
    expect(el.querySelector("[role=alert]")!.textContent).toContain("restart JupyterLab");
    await ask();
    expect(el.querySelector("[role=alert]")).toBeNull();
  });

  test("searches a moment after the last key, and drops an answer that is too late", async () => {
    vi.useFakeTimers();
    const { el, client, tell, desk } = await show([row("bell")]);
    const input = el.querySelector("input")!;
    const type = (text: string) =>
      act(() => {
        input.value = text;
        input.dispatchEvent(new Event("input", { bubbles: true }));
      });
    let late: (found: Awaited<ReturnType<typeof client.runs>>) => void = () => {};
    client.runs.mockImplementationOnce(() => new Promise((resolve) => (late = resolve)));
    void desk.ask();
    tell([]);
    type("va");
    type("vqe");
    await act(async () => void (await vi.advanceTimersByTimeAsync(300)));
    expect(client.runs.mock.calls.map((call) => call[1])).toEqual(["", "vqe"]);
    await act(async () => late({ home: "/h", now: 0, runs: [row("late")] }));
    expect(el.textContent).toContain("No run has “vqe” in its name or cell");
  });
});
