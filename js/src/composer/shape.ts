// Questions about the graph that the view answers without the kernel.
import type { Cell, Step } from "./model";

/** Steps that need `name`, and those that need them, and so on. */
export function below(steps: Step[], name: string): Set<string> {
  const found = new Set<string>();
  const visit = (above: string) => {
    for (const step of steps) {
      if (!step.edges.includes(above) || found.has(step.name)) continue;
      found.add(step.name);
      visit(step.name);
    }
  };
  visit(name);
  return found;
}

/** Steps that could take the value of `from`: no circle, and not what they have already. */
export function targets(steps: Step[], from: string): Set<string> {
  const above = steps.filter((step) => below(steps, step.name).has(from)).map((step) => step.name);
  const open = steps.filter((step) => !step.edges.includes(from) && !above.includes(step.name));
  return new Set(open.map((step) => step.name).filter((name) => name !== from));
}

/** Steps whose value `to` could take. */
export function sources(steps: Step[], to: string): string[] {
  return steps.filter((step) => targets(steps, step.name).has(to)).map((step) => step.name);
}

/** Names of the cell that a step could ask for and does not: axes, dials, inputs. */
export function offers(cell: Cell, step: Step): string[] {
  const names = [...cell.axes, ...cell.dials, ...cell.inputs].map((one) => one.name);
  return names.filter((name) => !step.needs.includes(name) && !step.inputs.includes(name));
}

/** Whether nothing has a name that a step asks for, such as a step that was removed. */
export function isMissing(cell: Cell, step: Step, name: string): boolean {
  const had = [cell.steps, cell.axes, cell.dials].some((all) => all.some((one) => one.name === name));
  return !had && !step.inputs.includes(name) && !step.injected.includes(name);
}

export interface Change {
  added: string[];
  /** Old name, new name: the step stands where it stood. */
  renamed: [string, string] | null;
}

/** What became of the steps between two versions of the cell. */
export function change(before: Step[], after: Step[]): Change {
  const [was, is] = [before.map((s) => s.name), after.map((s) => s.name)];
  const gone = was.filter((name) => !is.includes(name));
  const added = is.filter((name) => !was.includes(name));
  const [from, to] = [gone[0], added[0]];
  const one = gone.length === 1 && added.length === 1 && was.length === is.length;
  if (one && from && to && was.indexOf(from) === is.indexOf(to)) {
    return { added: [], renamed: [from, to] };
  }
  return { added, renamed: null };
}
