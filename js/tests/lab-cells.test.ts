import { describe, expect, test, vi } from "vitest";
import { LOAD, cellOf, create, insert, open, put, putAndRun, withLoad } from "../src/lab/cells";
import type { App, NotebookPanel, NotebookTracker } from "../src/lab/host";

/** A notebook with code cells. */
function notebook(texts: string[], active = texts.length - 1) {
  const cells = [...texts];
  const cell = (i: number) => ({
    type: "code",
    sharedModel: { getSource: () => cells[i]!, setSource: (text: string) => void (cells[i] = text) },
  });
  const panel = {
    id: "n",
    context: { path: "a.ipynb", ready: Promise.resolve() },
    content: {
      activeCellIndex: active,
      scrollToItem: vi.fn(async () => {}),
      model: {
        cells: { get length() { return cells.length; }, get: cell },
        sharedModel: { insertCell: (at: number, made: { source: string }) => cells.splice(at, 0, made.source) },
      },
    },
  };
  return { cells, panel: panel as unknown as NotebookPanel };
}

function application(panel: NotebookPanel) {
  const execute = vi.fn(async (_: string, __?: unknown): Promise<unknown> => panel);
  const app = {
    commands: { execute },
    shell: { activateById: vi.fn() },
    serviceManager: { kernelspecs: { ready: Promise.resolve(), specs: { default: "py" } } },
  };
  return { app: app as unknown as App, execute };
}

const tracker = (panel: NotebookPanel | null) => ({ currentWidget: panel }) as unknown as NotebookTracker;

describe("cells", () => {
  test("go below the active one, and into it if it is empty", () => {
    const { cells, panel } = notebook([LOAD, "x = 1", "y = 2"], 1);
    expect(insert(panel, ["a"])).toBe(1);
    expect([cells, panel.content.activeCellIndex]).toEqual([[LOAD, "x = 1", "a", "y = 2"], 2]);
    const empty = notebook([LOAD, "  \n"]);
    insert(empty.panel, ["a"]);
    expect(empty.cells).toEqual([LOAD, "a"]);
  });

  test("come with what loads the extension, unless a cell has it", () => {
    expect(withLoad(["%%qflow a"], ["import numpy"])).toEqual([LOAD, "%%qflow a"]);
    for (const known of [LOAD, "  %reload_ext quantumflow_lab", "x = 1\n%load_ext  quantumflow_lab"]) {
      expect(withLoad(["a"], [known])).toEqual(["a"]);
    }
    expect(withLoad([LOAD, "a"], [])).toEqual([LOAD, "a"]);
    expect(withLoad(["a"], ["# load_ext quantumflow_lab"])).toEqual([LOAD, "a"]);
  });

  test("that were put in are run in order", async () => {
    const { panel } = notebook(["x"]);
    const { app, execute } = application(panel);
    const ran: number[] = [];
    execute.mockImplementation(async () => void ran.push(panel.content.activeCellIndex));
    await putAndRun(app, tracker(panel), "%qflow load a");
    expect(ran).toEqual([1, 2]);
  });

  test("go into a new notebook if there is none, without asking for a kernel", async () => {
    const { cells, panel } = notebook([""]);
    const { app, execute } = application(panel);
    await put(app, tracker(null), "a");
    expect(execute).toHaveBeenCalledWith("notebook:create-new", { cwd: "", kernelName: "py" });
    expect(cells).toEqual([LOAD, "a"]);
    await create(app, "study");
    expect(execute).toHaveBeenLastCalledWith("notebook:create-new", { cwd: "study", kernelName: "py" });
  });

  test("are found by the name of their workflow", async () => {
    expect(cellOf("bell", ["x", "\n%%qflow  bell --shots 3\n", "%%qflow bell"])).toBe(1);
    expect(cellOf("bell", ["%%qflow bells"])).toBe(-1);
    const { panel } = notebook(["x", "%%qflow a", "y"], 0);
    const { app } = application(panel);
    await open(app, "a.ipynb", "a");
    expect(panel.content.activeCellIndex).toBe(1);
  });
});
