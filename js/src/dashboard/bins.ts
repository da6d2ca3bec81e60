// Runs in bins of time, and the dates below them.
import { day, moment } from "./format";
import type { Dashboard } from "./model";

/** How a run may have ended, in the order they are stacked. */
export const STATES = ["done", "failed", "paused", "cancelled", "unfinished"];

interface Stack {
  start: number;
  total: number;
  parts: { state: string; runs: number; from: number; to: number }[];
}

export function stacked(data: Dashboard): Stack[] {
  const bins = new Map<number, Map<string, number>>();
  for (const { start, state, runs } of data.charts.time) {
    const bin = bins.get(start) ?? new Map<string, number>();
    bins.set(start, bin.set(state, runs));
  }
  return [...bins].map(([start, states]) => {
    let total = 0;
    const parts = STATES.filter((state) => states.has(state)).map((state) => {
      const runs = states.get(state)!;
      total += runs;
      return { state, runs, from: total - runs, to: total };
    });
    return { start, total, parts };
  });
}

/** Pixels between two dates, and between the last one and the end. */
const [APART, FREE] = [96, 30];
const DAY = 86400;
const STEPS = [300, 900, 3600, 3 * 3600, 6 * 3600, 12 * 3600, DAY, 2 * DAY, 7 * DAY, 14 * DAY];

/** Where dates stand: round hours and days, then months. */
export function dates(since: number, until: number, inner: number): number[] {
  const least = ((until - since) * APART) / inner;
  const last = until - ((until - since) * FREE) / inner;
  const step = STEPS.find((each) => each >= least);
  const found: number[] = [];
  if (step) {
    for (let t = Math.ceil(since / step) * step; t <= last; t += step) found.push(t);
    return found;
  }
  const months = [1, 2, 3, 6, 12, 24, 60, 120].find((n) => n * 30.4 * DAY >= least) ?? 240;
  const first = new Date(since * 1000);
  for (let m = Math.ceil((first.getUTCFullYear() * 12 + first.getUTCMonth()) / months) * months; ; m += months) {
    const t = Date.UTC(Math.floor(m / 12), m % 12, 1) / 1000;
    if (t > last) return found;
    if (t >= since) found.push(t);
  }
}

export function label(t: number, span: number): string {
  if (t % DAY !== 0) return moment(t).slice(11);
  return span > 200 * DAY ? day(t).slice(0, 7) : day(t).slice(span > 60 * DAY ? 0 : 5);
}
