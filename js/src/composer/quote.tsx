import { useEffect, useRef, useState } from "preact/hooks";
import { duration } from "../run/format";
import { Glyph, StateIcon } from "../shared/icons";
import { useDesk } from "./desk";
import type { Quote } from "./model";

const COLUMNS = ["backend", "jobs", "circuits", "shots", "time", "cost", "success"];
const FIGURES = new Set(["jobs", "circuits", "shots", "time", "cost", "success"]);

/** What a run would take and cost, step by step. */
export function QuotePanel() {
  const { quote, cell, send, lost } = useDesk();
  const before = useRef<Quote | null>(null);
  if (quote?.state === "ready") before.current = quote;
  if (!quote) return null;
  // The figures before stay, paler, while new ones are worked out: the page does not jump.
  const figures = quote.state === "working" ? before.current : quote;
  const stale = quote.revision !== cell.revision;
  return (
    <section class={`qfc-quote${stale || quote.state === "working" ? " qfc-stale" : ""}`} aria-label="Quote">
      <h4 class="qfc-heading">
        Quote
        {quote.state === "working" ? (
          <Working key={quote.revision} behind={quote.message !== null} />
        ) : (
          <span role="status" class="qf-state">{stale && "of an earlier version"}</span>
        )}
        {stale && quote.state !== "working" && (
          <button
            type="button"
            class="qf-button"
            disabled={lost || cell.problems.length > 0}
            onClick={() => send({ type: "quote" })}
          >
            Quote again
          </button>
        )}
      </h4>
      {quote.state === "failed" && (
        <p class="qfc-refused" role="alert">
          <Glyph name="warn" />
          {quote.message ?? "No quote could be made."}
        </p>
      )}
      {figures && figures.rows.length > 0 && <Table quote={figures} />}
      {quote.state === "ready" && quote.message && <p class="qfc-aside">{quote.message}</p>}
    </section>
  );
}

/** Seconds after which a person is told that nothing has to be waited for. */
const LONG = 5;

/** How long it has taken so far; only words are spoken, not every second. */
function Working({ behind }: { behind: boolean }) {
  const [seconds, setSeconds] = useState(0);
  useEffect(() => {
    const begun = performance.now();
    const timer = setInterval(() => setSeconds(Math.floor((performance.now() - begun) / 1000)), 500);
    return () => clearInterval(timer);
  }, []);
  const words = behind ? "waiting for that of an earlier version…" : "working it out…";
  return (
    <>
      <span role="status" class="qf-state">
        <StateIcon state="running" />
        {words}
        {seconds >= LONG && <span class="qf-sub">You can go on editing, and run it without a quote.</span>}
      </span>
      {seconds > 0 && <span class="qf-sub qf-number" aria-hidden="true">{duration(seconds)}</span>}
    </>
  );
}

function Table({ quote }: { quote: Quote }) {
  const known = (column: string) =>
    Boolean(quote.total[column]) || quote.rows.some((row) => row[column]);
  const columns = COLUMNS.filter(known);
  const side = (column: string) => (FIGURES.has(column) ? "qfc-figure" : undefined);
  return (
    <div class="qfc-scroll" role="region" aria-label="Quote by step" tabIndex={0}>
      <table class="qfc-table">
        <thead>
          <tr>
            <th scope="col">step</th>
            {columns.map((column) => (
              <th key={column} scope="col" class={side(column)}>{column}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {quote.rows.map((row, i) => (
            <tr key={i}>
              <th scope="row">
                {row.step}
                {row["note"] && <span class="qf-sub qfc-note">{row["note"]}</span>}
              </th>
              {columns.map((column) => (
                <td key={column} class={side(column)}>{row[column] ?? "–"}</td>
              ))}
            </tr>
          ))}
        </tbody>
        {Object.values(quote.total).some(Boolean) && (
          <tfoot>
            <tr>
              <th scope="row">total</th>
              {columns.map((column) => (
                <td key={column} class={side(column)}>{quote.total[column] ?? ""}</td>
              ))}
            </tr>
          </tfoot>
        )}
      </table>
    </div>
  );
}
