// Cells of notebooks: where new ones go, and what goes before them.
import type { App, Cells, NotebookPanel, NotebookTracker } from "./host";

export const LOAD = "%load_ext quantumflow_lab\nimport quantumflow_lab as qf";

export const FIRST_CELL = `%%qflow bell --backend aer --shots 1000
from qiskit import QuantumCircuit

@qf.circuit
def pair():
    qc = QuantumCircuit(2)
    qc.h(0)
    qc.cx(0, 1)
    qc.measure_all()
    return qc

@qf.sample
def counts(pair):
    return pair

@qf.step
def parity(counts):
    n = counts.data.meas.get_counts()
    return (n.get("00", 0) + n.get("11", 0)) / sum(n.values())`;

const sources = (cells: Cells): string[] =>
  Array.from({ length: cells.length }, (_, i) => {
    const cell = cells.get(i);
    return cell.type === "code" ? cell.sharedModel.getSource() : "";
  });

const loads = (text: string): boolean => /^\s*%(re)?load_ext\s+quantumflow_lab\b/m.test(text);

/** What to put in, with the line that loads the extension if no cell has it. */
export const withLoad = (texts: string[], cells: string[]): string[] =>
  cells.some(loads) || texts.some(loads) ? texts : [LOAD, ...texts];

/** Index of the cell that a run was started from, or -1. */
export const cellOf = (name: string, cells: string[]): number =>
  cells.findIndex((text) => text.trimStart().split(/\s+/, 2).join(" ") === `%%qflow ${name}`);

/** Put cells below the active one, or into it if it is empty; the last is active then.
    Returns how many they are. */
export function insert(panel: NotebookPanel, texts: string[]): number {
  const { content } = panel;
  const model = content.model;
  if (!model) return 0;
  const cells = withLoad(texts, sources(model.cells));
  let at = content.activeCellIndex;
  const active = at >= 0 && at < model.cells.length ? model.cells.get(at) : null;
  const isEmpty = active?.type === "code" && active.sharedModel.getSource().trim() === "";
  cells.forEach((source, i) => {
    if (i === 0 && active && isEmpty) active.sharedModel.setSource(source);
    else model.sharedModel.insertCell(++at, { cell_type: "code", source, metadata: { trusted: true } });
  });
  content.activeCellIndex = at;
  return cells.length;
}

/** Put a cell into the notebook in front, or into a new one. */
export async function put(app: App, tracker: NotebookTracker, text: string): Promise<void> {
  insert(await front(app, tracker), [text]);
}

/** The same, and run it. */
export async function putAndRun(app: App, tracker: NotebookTracker, text: string): Promise<void> {
  const panel = await front(app, tracker);
  const count = insert(panel, [text]);
  const last = panel.content.activeCellIndex;
  for (let at = last - count + 1; at <= last; at++) {
    panel.content.activeCellIndex = at;
    await app.commands.execute("notebook:run-cell");
  }
}

async function front(app: App, tracker: NotebookTracker): Promise<NotebookPanel> {
  const panel = tracker.currentWidget ?? (await create(app, ""));
  app.shell.activateById(panel.id);
  return panel;
}

/** A new notebook in a folder, without being asked for a kernel. */
export async function create(app: App, folder: string): Promise<NotebookPanel> {
  const { kernelspecs } = app.serviceManager;
  await kernelspecs.ready;
  const kernelName = kernelspecs.specs?.default ?? "python3";
  const made = await app.commands.execute("notebook:create-new", { cwd: folder, kernelName });
  const panel = made as NotebookPanel;
  await panel.context.ready;
  return panel;
}

/** Open a notebook, with the cell of a run in view. */
export async function open(app: App, path: string, name: string): Promise<void> {
  const opened = await app.commands.execute("docmanager:open", { path });
  const panel = opened as NotebookPanel | undefined;
  await panel?.context?.ready;
  const model = panel?.content?.model;
  if (!panel || !model) return;
  const at = cellOf(name, sources(model.cells));
  if (at < 0) return;
  panel.content.activeCellIndex = at;
  await panel.content.scrollToItem?.(at, "smart");
}
