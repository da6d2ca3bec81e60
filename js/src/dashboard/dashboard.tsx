// The dashboard: what is chosen in one chart filters the others. The kernel filters.
import { useEffect, useRef, useState } from "preact/hooks";
import { duration, plural } from "../run/format";
import { StateIcon } from "../run/icons";
import { count, money, percent, said } from "./format";
import { backendLines, currencies, failedShare, kindLines, nameLines, savedLines } from "./lines";
import type { Dashboard, Dimension, Failure, Filter, Send } from "./model";
import { Card, Rows } from "./parts";
import { QuotedChart } from "./quoted";
import { Opened, Runs } from "./runs";
import { STATES, Time } from "./time";

interface Props {
  data: Dashboard;
  /** True when the kernel that answers has gone. */
  lost: boolean;
  send: Send;
}

export function DashboardView({ data, lost, send }: Props) {
  const [asked, setAsked] = useState<{ n: number; filter: Filter } | null>(null);
  const waiting = !lost && asked !== null && asked.n > data.n;
  // What was asked shows at once; what the kernel answers replaces it.
  const filter = waiting ? asked.filter : data.filter;
  const choose = (wished: Filter) => {
    if (lost) return;
    const n = Math.max(asked?.n ?? 0, data.n) + 1;
    setAsked({ n, filter: wished });
    send({ type: "filter", n, ...wished });
  };
  const toggle = (dimension: Dimension) => (value: string) => {
    const { [dimension]: old, ...rest } = filter;
    choose(old === value ? rest : { ...rest, [dimension]: value });
  };
  const [opening, setOpening] = useState<string | null>(null);
  useEffect(() => setOpening(null), [data.open?.run, data.message]);
  const opener = useRef<string | null>(null);
  const root = useRef<HTMLElement>(null);
  const several = useRef(false);
  const open = (run: string) => {
    if (run === data.open?.run) return close();
    opener.current = run;
    setOpening(run);
    send({ type: "open", run });
  };
  const close = () => {
    send({ type: "close" });
    const rows = root.current?.querySelectorAll<HTMLElement>("[data-run]") ?? [];
    [...rows].find((row) => row.dataset["run"] === opener.current)?.focus();
  };
  if (data.total === 0) return <Empty lost={lost} send={send} />;
  const { charts, sql, colours } = data;
  // Once there are panels side by side, a filter does not move the charts about.
  several.current ||= new Set(charts.quoted.map((row) => row.currency)).size > 1;
  const message = lost ? "The kernel has gone. This is the last it told." : data.message;
  return (
    <article ref={root} class={`qx${waiting ? " qx-waiting" : ""}`} aria-label="Runs of the lab" aria-busy={waiting} data-lm-suppress-shortcuts="true">
      <Head data={data} filter={filter} lost={lost} choose={choose} send={send} />
      {message && <p class="qx-message" role="alert">{message}</p>}
      <div class="qx-grid-of-cards">
        <Card title="Runs over time" about={`runs by ${binned(data.width)}, UTC`} sql={[sql.time, sql.states]} wide>
          <States rows={charts.states} chosen={filter.state} choose={toggle("state")} />
          <Time data={data} filter={filter} choose={choose} />
        </Card>
        <Card title="Backends" about="device and machine time of jobs, and money" sql={sql.backends}>
          <Rows
            lines={backendLines(charts.backends, colours)}
            head="backend"
            columns={["time", ...currencies(charts.backends)]}
            chosen={filter.backend}
            choose={toggle("backend")}
            empty="No job under this filter."
          />
        </Card>
        <Card title="Kinds of steps" about="time from start to end, and money" sql={[sql.kinds, sql.kind_costs]}>
          <Rows
            lines={kindLines(charts.kinds)}
            head="kind"
            columns={["time", ...currencies(charts.kinds)]}
            chosen={filter.kind}
            choose={toggle("kind")}
            empty="No step under this filter."
          />
        </Card>
        <Card title="Quote against actual" about="cost of jobs; above the line they cost more" sql={sql.quoted} wide={several.current}>
          <QuotedChart rows={charts.quoted} colours={colours} />
        </Card>
        <Card title="Did not have to run" about="points" sql={sql.kinds}>
          <Legend parts={[["whole", "kept"], ["light", "cached"], ["rest", "run"]]} />
          <Rows
            lines={savedLines(charts.kinds)}
            head="kind"
            columns={["kept and cached"]}
            chosen={filter.kind}
            choose={toggle("kind")}
            empty="No point under this filter."
          />
        </Card>
        <Card title="Workflows" about="runs" sql={sql.names}>
          <Rows
            lines={nameLines(charts.names)}
            head="workflow"
            columns={["runs · failed ✕"]}
            chosen={filter.name}
            choose={toggle("name")}
            empty="No run under this filter."
          />
        </Card>
        <Card title="Failures" about="points that failed, of all of a step" sql={sql.failures} wide={several.current}>
          <Failures rows={charts.failures} open={open} />
        </Card>
        <Card title="Runs" about="newest first; click one to look at it" sql={sql.runs} wide>
          {opening && !lost && <p class="qx-quiet" role="status">Reading the run…</p>}
          {data.open && <Opened open={data.open} close={close} />}
          <Runs rows={charts.runs} total={data.totals.runs} colours={colours} open={data.open?.run ?? null} choose={open} />
        </Card>
      </div>
    </article>
  );
}

interface HeadProps {
  data: Dashboard;
  filter: Filter;
  lost: boolean;
  choose: (filter: Filter) => void;
  send: Send;
}

function Head({ data, filter, lost, choose, send }: HeadProps) {
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

interface StatesProps {
  rows: { state: string; runs: number }[];
  chosen: string | undefined;
  choose: (state: string) => void;
}

/** The legend of the states; each is a filter. */
function States({ rows, chosen, choose }: StatesProps) {
  const known = STATES.map((state) => rows.find((row) => row.state === state)).filter((row) => row !== undefined);
  return (
    <div class="qx-legend" role="group" aria-label="State of the run">
      {known.map(({ state, runs }) => (
        <button
          type="button"
          key={state}
          class={`qx-chip${chosen && chosen !== state ? " qx-out" : ""}`}
          aria-pressed={chosen === state}
          onClick={() => choose(state)}
        >
          <i class={`qx-swatch qx-part-${state === "done" ? "good" : state}`} />
          <span class={`qx-state qx-is-${state}`}>
            <StateIcon state={state === "unfinished" ? "waiting" : state} />
          </span>
          {state} <span class="qx-quiet">{count(runs)}</span>
        </button>
      ))}
    </div>
  );
}

function Legend({ parts }: { parts: [string, string][] }) {
  return (
    <div class="qx-legend" aria-hidden="true">
      {parts.map(([look, word]) => (
        <span key={word} class="qx-key-word">
          <i class={`qx-swatch qx-part-${look}`} />
          {word}
        </span>
      ))}
    </div>
  );
}

function Failures({ rows, open }: { rows: Failure[]; open: (run: string) => void }) {
  if (rows.length === 0) return <p class="qx-empty">No point failed under this filter.</p>;
  return (
    <ul class="qx-failures">
      {rows.map((row) => (
        <li key={`${row.name} ${row.step} ${row.kind}`}>
          <span class="qx-failure-head">
            <strong>{row.step}</strong>
            <span class="qx-quiet">{`${row.name}${row.kind && row.kind !== "step" ? ` · ${row.kind}` : ""}`}</span>
            <span class="qx-number">{`${count(row.failed)} of ${count(row.points)} · ${percent(failedShare(row))}`}</span>
          </span>
          <span class="qx-bar">
            <span class="qx-part qx-part-failed" style={{ width: `${100 * failedShare(row)}%` }} />
          </span>
          {row.error && <span class="qx-error" title={row.error}>{row.error}</span>}
          <button type="button" class="qx-link" onClick={() => open(row.run)}>
            {`latest of ${plural(row.runs, "run")}`}
          </button>
        </li>
      ))}
    </ul>
  );
}

function Empty({ lost, send }: { lost: boolean; send: Send }) {
  return (
    <article class="qx qx-nothing" aria-label="Runs of the lab">
      <h3>No run is kept yet</h3>
      <p>Run a cell that begins with</p>
      <pre>{"%%qflow bell --backend aer"}</pre>
      <p class="qx-quiet">and what it took, cost and came to shows here.</p>
      <button type="button" class="qx-small" disabled={lost} onClick={() => send({ type: "refresh" })}>Look again</button>
    </article>
  );
}

/** How wide a bin is: day, 3 days, 5 minutes. */
function binned(width: number): string {
  const [size, unit] = width >= 86400 ? [86400, "day"] : width >= 3600 ? [3600, "hour"] : [60, "minute"];
  return width === size ? unit! : plural(width / Number(size), String(unit));
}
