// How a step is told in words.
import type { Step } from "./model";

/** The text of an option as one reads it: without the quotes of Python. */
export const bare = (text: string): string => text.replaceAll(/['"[\]]/g, "").trim();

const given = (step: Step, name: string): string | null =>
  step.options.find((option) => option.name === name)?.text ?? null;

export function where(step: Step): string {
  const backend = given(step, "backend");
  return backend ? `${step.kind} · ${bare(backend)}` : step.kind;
}

export const size = (step: Step): string =>
  step.dims.map(([name, count]) => (count === null ? name : `${name} ${count}`)).join(" × ");

/** How much is measured, where the step says so. */
export function amount(step: Step): string {
  const shots = given(step, "shots");
  if (shots) return `${grouped(shots)} shots`;
  const precision = given(step, "precision");
  if (precision) return `± ${precision}`;
  return step.gates ? `${step.gates.qubits} qubits` : "";
}

function grouped(text: string): string {
  const number = Number(text.replaceAll("_", ""));
  return Number.isInteger(number) ? number.toLocaleString("en") : text;
}

/** One sentence on a step, for screen readers. */
export function spoken(step: Step): string {
  const needs = step.edges.length > 0 ? `takes ${step.edges.join(" and ")}` : "";
  const problem = step.problem ? `problem: ${step.problem}` : "";
  const parts = [step.name, where(step).replace(" · ", " on "), size(step), amount(step), needs, problem];
  return parts.filter(Boolean).join(", ");
}

export const count = (n: number, word: string): string => `${n} ${word}${n === 1 ? "" : "s"}`;
