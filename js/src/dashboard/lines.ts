// Rows of queries as lines of bars. Each currency is a column with a scale of its own.
import { duration, plural } from "../run/format";
import { count, money, percent } from "./format";
import type { BackendRow, Charts, KindRow, Money } from "./model";
import type { Cell, Line } from "./rows";

export const currencies = (rows: { money: Money[] }[]): string[] =>
  [...new Set(rows.flatMap((row) => row.money.filter((m) => m.cost > 0).map((m) => m.currency)))].sort();

const share = (value: number, most: number): number => (most > 0 ? value / most : 0);

function costs(row: { money: Money[] }, rows: { money: Money[] }[], tone?: string): Cell[] {
  return currencies(rows).map((currency) => {
    const of = (each: { money: Money[] }) => each.money.find((m) => m.currency === currency);
    const most = Math.max(...rows.map((each) => of(each)?.cost ?? 0));
    const mine = of(row);
    if (!mine || mine.cost === 0) return { parts: [], text: "" };
    const open = mine.at_most ?? 0;
    const cell: Cell = {
      parts: [
        { share: share(mine.cost - open, most), look: "whole", colour: tone },
        { share: share(open, most), look: "open", colour: tone },
      ],
      text: money(mine).replace(` ${currency}`, ""),
    };
    return open > 0 ? { ...cell, title: `of it at most ${money({ currency, cost: open })} for jobs that go on` } : cell;
  });
}

const spent = (row: { money: Money[] }): string => row.money.filter((m) => m.cost > 0).map(money).join(", ");

export function backendLines(rows: BackendRow[], colours: Record<string, string>): Line[] {
  const most = Math.max(...rows.map((row) => row.machine_s + row.qpu_s), 0);
  return rows.map((row) => {
    const tone = colours[row.name];
    const time = row.machine_s + row.qpu_s;
    const parts = [
      { share: share(row.qpu_s, most), look: "whole", colour: tone },
      { share: share(row.machine_s, most), look: "light", colour: tone },
    ];
    const how = [
      row.qpu_s && `${duration(row.qpu_s)} on the device`,
      row.machine_s && `${duration(row.machine_s)} of this machine`,
      row.queue_s && `${duration(row.queue_s)} in queues`,
    ].filter(Boolean);
    return {
      name: row.name,
      colour: tone,
      spoken: [row.name, plural(row.jobs, "job"), ...how, spent(row)].filter(Boolean).join(", "),
      cells: [{ parts, text: time ? duration(time) : "", title: how.join(", ") }, ...costs(row, rows, tone)],
    };
  });
}

export function kindLines(rows: KindRow[]): Line[] {
  const most = Math.max(...rows.map((row) => row.wall_s), 0);
  return rows.map((row) => ({
    name: row.name,
    spoken: [row.name, plural(row.steps, "step"), duration(row.wall_s), spent(row)].filter(Boolean).join(", "),
    cells: [
      { parts: [{ share: share(row.wall_s, most), look: "whole" }], text: duration(row.wall_s) },
      ...costs(row, rows),
    ],
  }));
}

/** Points that did not have to run. `cached` counts calls of loops as well. */
export function savedLines(rows: KindRow[]): Line[] {
  return rows
    .filter((row) => row.points > 0)
    .map((row) => {
      const all = Math.max(row.points, row.kept + row.cached);
      const saved = row.kept + row.cached;
      const words = `${count(row.kept)} kept, ${count(row.cached)} cached, ${count(all - saved)} run`;
      return {
        name: row.name,
        spoken: `${row.name}, ${words}`,
        cells: [
          {
            parts: [
              { share: row.kept / all, look: "whole" },
              { share: row.cached / all, look: "light" },
              { share: (all - saved) / all, look: "rest" },
            ],
            text: saved ? `${percent(saved / all)} of ${count(all)}` : `none of ${count(all)}`,
            title: words,
          },
        ],
      };
    });
}

export function nameLines(rows: Charts["names"]): Line[] {
  const most = Math.max(...rows.map((row) => row.runs), 0);
  return rows.map((row) => ({
    name: row.name,
    spoken: `${row.name}, ${plural(row.runs, "run")}${row.failed ? `, ${count(row.failed)} failed` : ""}`,
    cells: [
      {
        parts: [
          { share: share(row.runs - row.failed, most), look: "whole" },
          { share: share(row.failed, most), look: "failed" },
        ],
        text: row.failed ? `${count(row.runs)} · ${count(row.failed)} ✕` : count(row.runs),
        title: row.failed ? `${count(row.failed)} of them failed` : "",
      },
    ],
  }));
}
