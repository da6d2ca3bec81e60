// The dashboard: what is chosen in one chart filters the others. The kernel filters.
import { useEffect, useRef, useState } from "preact/hooks";
import { plural } from "../run/format";
import { Failures } from "./failures";
import { Head } from "./head";
import { Legend, States } from "./legend";
import { backendLines, currencies, kindLines, nameLines, savedLines } from "./lines";
import type { Dashboard, Dimension, Filter, Send } from "./model";
import { Card, Omitted } from "./parts";
import { QuotedChart } from "./quoted";
import { Rows } from "./rows";
import { Opened, Runs } from "./runs";
import { Time } from "./time";
import { keepFocus, keepKeys } from "../shared/keys";

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
    <article ref={root} class={`qf-widget qx${waiting ? " qx-waiting" : ""}`} aria-label="Runs of the lab" aria-busy={waiting} onKeyDown={keepKeys} onFocusCapture={keepFocus}>
      <Head data={data} filter={filter} lost={lost} choose={choose} send={send} />
      {message && <p class="qx-message" role="alert">{message}</p>}
      <Omitted what={data.omitted} />
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

function Empty({ lost, send }: { lost: boolean; send: Send }) {
  return (
    <article class="qf-widget qx qx-nothing" aria-label="Runs of the lab">
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
