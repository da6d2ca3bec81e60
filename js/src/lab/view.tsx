// The sidebar. Everything it shows is text from the server, escaped by Preact.
import { useEffect, useRef, useState } from "preact/hooks";
import { Glyph, StateIcon } from "../shared/icons";
import type { Desk, Known } from "./desk";
import { Row, type Acts } from "./row";
import { type RunRow, brief, grouped } from "./runs";

export interface Doings extends Acts {
  create(): void;
}

/** Milliseconds after the last key until a search is asked. */
const PAUSE = 250;

function useKnown(desk: Desk): Known {
  const [known, set] = useState(desk.known);
  useEffect(() => desk.onChange(() => set(desk.known)), [desk]);
  return known;
}

/** The time by the server's clock, every second while something goes on, else every half minute. */
function useNow(known: Known): number {
  const [, tick] = useState(0);
  const live = known.runs?.some((row) => row.state === "running") ?? false;
  useEffect(() => {
    const timer = setInterval(() => tick((n) => n + 1), live ? 1000 : 30_000);
    return () => clearInterval(timer);
  }, [live]);
  return Date.now() / 1000 + known.ahead;
}

export function Sidebar({ desk, doings }: { desk: Desk; doings: Doings }) {
  const known = useKnown(desk);
  const now = useNow(known);
  const [opened, open] = useState<string | null>(null);
  const groups = grouped(known.runs ?? [], now);
  return (
    <div class="qf-side">
      <div class="qf-side-head">
        <h2>QuantumFlow</h2>
        <button class="qf-side-icon" title="New workflow notebook" aria-label="New workflow notebook" onClick={() => doings.create()}>
          <Glyph name="plus" />
        </button>
      </div>
      <Search desk={desk} />
      <p class="qf-hidden" role="status">{known.said}</p>
      {known.trouble && (
        <p class="qf-side-trouble" role="alert">
          <Glyph name="warn" />
          <span>{known.trouble}</span>
        </p>
      )}
      <div class="qf-side-runs">
        {groups.map(({ title, rows }) => (
          <section key={title} aria-label={`${title}, ${rows.length}`}>
            <h3>
              {title} <span class="qf-side-count">{rows.length}</span>
            </h3>
            <ul>
              {rows.map((row) => (
                <Row
                  key={row.run}
                  row={row}
                  rows={known.runs ?? []}
                  now={now}
                  cancelling={known.cancelling.has(row.run)}
                  opened={opened === row.run}
                  toggle={() => open(opened === row.run ? null : row.run)}
                  acts={{ ...doings, cancel: (each: RunRow) => void desk.cancel(each.run) }}
                />
              ))}
            </ul>
          </section>
        ))}
        {groups.length === 0 && <Empty known={known} create={doings.create} />}
      </div>
      {known.home && (
        <div class="qf-side-home" title={`Runs are kept in ${known.home}`}>
          {brief(known.home)}
        </div>
      )}
    </div>
  );
}

function Search({ desk }: { desk: Desk }) {
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const search = (text: string, pause: number) => {
    clearTimeout(timer.current);
    timer.current = setTimeout(() => desk.search(text.trim()), pause);
  };
  return (
    <div class="qf-side-search">
      <input
        type="search"
        aria-label="Find runs by name or by text of their cell"
        placeholder="Find in names and cells"
        onInput={(event) => search(event.currentTarget.value, PAUSE)}
        onKeyDown={(event) => {
          if (event.key === "Enter") search(event.currentTarget.value, 0);
        }}
      />
    </div>
  );
}

function Empty({ known, create }: { known: Known; create: () => void }) {
  if (known.trouble) return null;
  if (known.runs === null) {
    return (
      <p class="qf-side-empty">
        <StateIcon state="running" /> Looking for runs
      </p>
    );
  }
  if (known.find) return <p class="qf-side-empty">No run has “{known.find}” in its name or cell.</p>;
  return (
    <div class="qf-side-empty">
      <p>Nothing has run here yet. Runs of every notebook appear here, while they go on and after.</p>
      <button class="qf-button" onClick={create}>
        New workflow notebook
      </button>
    </div>
  );
}
