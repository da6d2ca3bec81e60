// The same words as quantumflow_lab/widgets/words.py and dashboard.py.
import type { Filter, Money } from "./model";

/** An amount with its currency: 1,234.50 USD, 0.0012 EUR. */
export function money({ cost, currency }: Money): string {
  const small = cost !== 0 && Math.abs(cost) < 0.01;
  const fixed = { minimumFractionDigits: 2, maximumFractionDigits: 2 };
  const number = small ? String(Number(cost.toPrecision(2))) : cost.toLocaleString("en", fixed);
  return `${number} ${currency}`;
}

export const count = (n: number): string => n.toLocaleString("en");

const two = (n: number) => String(n).padStart(2, "0");

/** 2026-11-02 08:30, in UTC as months of spending are. */
export function moment(seconds: number): string {
  const at = new Date(seconds * 1000);
  return `${day(seconds)} ${two(at.getUTCHours())}:${two(at.getUTCMinutes())}`;
}

export function day(seconds: number): string {
  const at = new Date(seconds * 1000);
  return `${at.getUTCFullYear()}-${two(at.getUTCMonth() + 1)}-${two(at.getUTCDate())}`;
}

/** Per cent without false digits: 0.3 %, 12 %. */
export function percent(share: number): string {
  const value = 100 * share;
  return `${value !== 0 && Math.abs(value) < 9.5 ? Number(value.toPrecision(2)) : Math.round(value)} %`;
}

const WORDS = { name: "workflow", state: "state", backend: "backend", kind: "kind" };

/** Each thing a filter says, with what is left when it is taken away. */
export function said(filter: Filter): { words: string; left: Filter }[] {
  const { since, until, ...rest } = filter;
  const chips = (Object.keys(WORDS) as (keyof typeof WORDS)[])
    .filter((key) => filter[key] !== undefined)
    .map((key) => {
      const { [key]: gone, ...left } = filter;
      return { words: `${WORDS[key]} ${gone}`, left: left as Filter };
    });
  if (since === undefined && until === undefined) return chips;
  const ends = [since !== undefined && `from ${moment(since)}`, until !== undefined && `to ${moment(until)}`];
  return [{ words: `${ends.filter(Boolean).join(" ")} UTC`, left: rest }, ...chips];
}

/** Round numbers from 0 up to at least `most`, at most five steps. */
export function ticks(most: number): number[] {
  const rough = Math.max(most, 1) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(1, [1, 2, 5, 10].find((m) => m * power >= rough)! * power);
  return Array.from({ length: Math.ceil(most / step) + 1 }, (_, i) => i * step);
}

/** A number of a log axis: 0.01, 5, 2k. */
export function brief(value: number): string {
  if (value >= 1e6) return `${Number((value / 1e6).toPrecision(3))}M`;
  if (value >= 1e4) return `${Number((value / 1e3).toPrecision(3))}k`;
  return value < 1e-3 ? value.toExponential(0) : String(Number(value.toPrecision(3)));
}
