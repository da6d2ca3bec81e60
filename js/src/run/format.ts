// The same words as quantumflow_lab/widgets/words.py.
import type { Part, Snapshot, Step } from "./model";

/** Time to about three digits: 4 ms, 0.31 s, 3.1 s, 1 min 15 s, 1 h 06 min. */
export function duration(seconds: number | null): string {
  if (seconds === null || !Number.isFinite(seconds)) return "";
  if (seconds < 0.0995) return `${Math.round(Math.max(seconds, 0) * 1000)} ms`;
  if (seconds < 0.995) return `${seconds.toFixed(2)} s`;
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const two = (n: number) => String(Math.floor(n)).padStart(2, "0");
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  return `${Math.floor(whole / 3600)} h ${two((whole % 3600) / 60)} min`;
}

export const dims = (step: Step): string =>
  step.dims.map(([name, size]) => `${name} ${size}`).join(" × ");

/** An age in one unit: just now, 3 min ago, 5 h ago, 3 d ago. */
export function ago(seconds: number): string {
  if (seconds < 60) return "just now";
  const [size, unit] = seconds >= 86400 ? [86400, "d"] : seconds >= 3600 ? [3600, "h"] : [60, "min"];
  return `${Math.ceil(seconds / size)} ${unit} ago`;
}

/** "cached" if all are, else how many. */
function share(count: number, total: number, word: string): string {
  const of = `${count.toLocaleString("en")} of ${total.toLocaleString("en")}`;
  return count >= total ? word : `${of} ${word}`;
}

/** What a step took of other runs, or nothing. */
export function cached(step: Step): string {
  if (!step.cached) return "";
  const { count, name, age, part } = step.cached;
  const total = step.calls ?? step.total;
  const whole = share(count, total, "cached");
  return `${part ? inPart(part, count < total ? whole : "") : whole} · run ${name} · ${ago(age)}`;
}

function inPart({ found, asked, unit }: Part, points: string): string {
  if (found === undefined || asked === undefined) return points || "partly cached";
  const said = `${found.toLocaleString("en")} of ${asked.toLocaleString("en")} ${unit}`;
  return points ? `${points}, ${said} of them` : `${said} cached`;
}

/** What a step has of an earlier run of its workflow, or nothing. */
export function kept(step: Step): string {
  if (!step.kept) return "";
  const { count, number, age } = step.kept;
  const run = number === null ? "" : ` · run ${number}`;
  return `${share(count, step.total, "kept")}${run} · ${ago(age)}`;
}

/** What a step did not have to run. */
export const taken = (step: Step): string => [kept(step), cached(step)].filter(Boolean).join(", ");

export const plural = (n: number, word: string): string =>
  `${n.toLocaleString("en")} ${word}${n === 1 ? "" : "s"}`;

/** A value of a metric: at most six digits. */
export function short(value: number): string {
  const plain = value === 0 || (Math.abs(value) >= 1e-3 && Math.abs(value) < 1e5);
  const text = plain ? String(Number(value.toPrecision(6))) : value.toExponential(1);
  return text.replaceAll("-", "\u2212");
}

/** One sentence on a step, for screen readers. */
export function sentence(step: Step): string {
  const done = step.counts["done"] ?? 0;
  const parts = [
    step.name,
    step.backend ? `${step.kind} on ${step.backend}` : step.kind,
    dims(step),
    step.phase && step.state === "running" ? `${step.state}, ${step.phase}` : step.state,
    `${done} of ${plural(step.total, "point")} done`,
    taken(step),
  ];
  return parts.filter(Boolean).join(", ");
}

/** What the live region says; changes when a step or the run ends, not at every point. */
export function announcement(run: Snapshot): string {
  const count = (state: string) => run.steps.filter((step) => step.state === state).length;
  const failed = count("failed") + count("partial");
  const tail = failed ? `, ${failed} failed` : "";
  return `${run.name} ${run.state}: ${count("done")} of ${plural(run.steps.length, "step")} done${tail}`;
}

/** An amount of money as the kernel writes it: four decimals from a cent on. */
export const amount = (value: number): string =>
  value >= 0.01 || value === 0 ? String(Number(value.toFixed(4))) : value.toPrecision(2);

/** A moment on the axis of a run. */
export const moment = (seconds: number): string =>
  seconds < 60 ? `${seconds.toFixed(seconds < 10 ? 2 : 1)} s` : duration(seconds);
