// Runs as the server tells them, and what the sidebar makes of them. Pure functions.
import { ago, duration, plural } from "../run/format";

export interface RunRow {
  run: string;
  name: string;
  number: number;
  /** running, done, failed, cancelled, paused, or unfinished: its process has gone. */
  state: string;
  /** Seconds since 1970, by the server's clock. */
  started: number;
  elapsed: number | null;
  done: number;
  failed: number;
  total: number | null;
  backends: string[];
  /** What it has cost in each currency, if anything. */
  cost?: string | null;
  notebook: string | null;
  /** Where the notebook can be opened, if it is still there. */
  path: string | null;
  error: string | null;
}

export interface Answer {
  home: string;
  now: number;
  runs: RunRow[];
}

export const label = (row: RunRow): string => `${row.name}:${row.number}`;

/** The word for a state; what a process has left can be taken up. */
export const word = (row: RunRow, cancelling: boolean): string =>
  cancelling && row.state === "running" ? "cancelling" : row.state;

/** The icon of a state. */
export const icon = (row: RunRow): string => (row.state === "unfinished" ? "partial" : row.state);

/** Points done of all, or done so far while nobody knows how many there are. */
export function progress(row: RunRow): string {
  const failed = row.failed > 0 ? `, ${row.failed.toLocaleString("en")} failed` : "";
  const count = row.done.toLocaleString("en");
  if (row.total === null) return `${plural(row.done, "point")}${failed}`;
  return `${count} of ${plural(row.total, "point")}${failed}`;
}

/** The same in few words, with what was spent so far. */
export function share(row: RunRow): string {
  const done = row.done.toLocaleString("en");
  const points = row.total === null ? done : `${done} of ${row.total.toLocaleString("en")}`;
  return [points, row.cost].filter(Boolean).join(" · ");
}

/** How long it has taken, or how long ago it began. */
export const clock = (row: RunRow, now: number): string =>
  row.state === "running" ? duration(Math.max(now - row.started, 0)) : ago(Math.max(now - row.started, 0));

/** The second line of a past run. */
export function summary(row: RunRow): string {
  const backends = row.backends.slice(0, 2).join(", ");
  const more = row.backends.length > 2 ? ` +${row.backends.length - 2}` : "";
  return [duration(row.elapsed), row.cost, `${backends}${more}`].filter(Boolean).join(" · ");
}

/** A row in one sentence, for screen readers. */
export const sentence = (row: RunRow, cancelling: boolean, now: number): string =>
  [
    `${row.name}, run ${row.number}`,
    word(row, cancelling),
    progress(row),
    row.state === "running" ? row.cost : summary(row).replaceAll(" · ", ", "),
    clock(row, now),
  ]
    .filter(Boolean)
    .join(", ");

/** The end of a path, which tells one home from another: …/study/.qflow. */
export function brief(path: string): string {
  const parts = path.split(/[\\/]/).filter(Boolean);
  return parts.length > 2 ? `…/${parts.slice(-2).join("/")}` : path;
}

export interface Group {
  title: string;
  rows: RunRow[];
}

/** Those that go on, then the others by the day they began on, in local time. */
export function grouped(rows: RunRow[], now: number): Group[] {
  const groups = new Map<string, RunRow[]>();
  for (const row of rows) {
    const title = row.state === "running" ? "Running" : dayOf(row.started, now);
    groups.set(title, [...(groups.get(title) ?? []), row]);
  }
  return [...groups].map(([title, its]) => ({ title, rows: its }));
}

function dayOf(seconds: number, now: number): string {
  const midnight = new Date(now * 1000);
  midnight.setHours(0, 0, 0, 0);
  const days = Math.ceil((midnight.getTime() / 1000 - seconds) / 86400);
  if (days <= 0) return "Today";
  if (days === 1) return "Yesterday";
  return days < 7 ? "Last 7 days" : "Earlier";
}

/** What `%qflow` calls a run: its name while it is the newest of it, else its id. */
export function reference(row: RunRow, rows: RunRow[]): string {
  const newest = Math.max(...rows.filter((each) => each.name === row.name).map((each) => each.number));
  return newest === row.number ? row.name : row.run;
}

/** States from which `%qflow resume` goes on. */
export const resumable = (row: RunRow): boolean =>
  ["unfinished", "failed", "cancelled", "paused"].includes(row.state);

/** What a screen reader is told when runs begin or end between two answers. */
export function news(before: RunRow[], after: RunRow[]): string {
  const was = new Map(before.map((row) => [row.run, row.state]));
  return after
    .filter((row) => (was.get(row.run) === undefined ? row.state === "running" : was.get(row.run) !== row.state))
    .map((row) => `${label(row)} ${row.state}`)
    .join(", ");
}
