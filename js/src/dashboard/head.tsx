// The head of the dashboard: what is filtered by, and what is let through comes to.
import { duration } from "../run/format";
import { count, money, percent, said } from "./format";
import type { Dashboard, Filter, Send } from "./model";

interface HeadProps {
  data: Dashboard;
  filter: Filter;
  lost: boolean;
  choose: (filter: Filter) => void;
  send: Send;
}

export function Head({ data, filter, lost, choose, send }: HeadProps) {
  const chips = said(filter);
  return (
    <header class="qx-head">
      <div class="qx-row">
        <h3>Runs</h3>
        <div class="qx-chips">
          {chips.map(({ words, left }) => (
            <button type="button" class="qx-chip" key={words} aria-label={`Remove filter: ${words}`} onClick={() => choose(left)}>
              {words} <span aria-hidden="true">✕</span>
            </button>
          ))}
          {chips.length > 1 && (
            <button type="button" class="qx-small" onClick={() => choose({})}>Clear all</button>
          )}
          {chips.length === 0 && <span class="qx-quiet">all {count(data.total)}; click or drag in a chart to filter</span>}
        </div>
        <button type="button" class="qx-small" disabled={lost} onClick={() => send({ type: "refresh" })} title="Take in what was recorded since">
          Refresh
        </button>
      </div>
      <Totals data={data} />
    </header>
  );
}

function Totals({ data }: { data: Dashboard }) {
  const { totals } = data;
  const saved = totals.kept + totals.cached;
  const all = Math.max(totals.points, saved);
  const tiles: [string, string][] = [
    ["runs", count(totals.runs)],
    ["points", count(totals.points)],
    ["failed", totals.points ? `${count(totals.failed)} · ${percent(totals.failed / totals.points)}` : "0"],
    ["kept or cached", all ? `${count(saved)} · ${percent(saved / all)}` : "0"],
    ["jobs", count(totals.jobs)],
    ["this machine", duration(totals.machine_s)],
    ...(totals.qpu_s ? [["devices", duration(totals.qpu_s)] as [string, string]] : []),
    ...totals.money.filter((m) => m.cost > 0).map((m): [string, string] => [`spent, ${m.currency}`, money(m).replace(` ${m.currency}`, "")]),
  ];
  const words = tiles.map(([name, value]) => `${name} ${value}`).join(", ");
  return (
    <>
      <dl class="qx-tiles">
        {tiles.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <span class="qx-hidden" role="status">{words}</span>
    </>
  );
}
