// The newest runs under the filter, and the one that was opened.
import { useEffect, useRef } from "preact/hooks";
import { duration } from "../run/format";
import { StateIcon } from "../shared/icons";
import { count, money, moment } from "./format";
import type { Dashboard, RunRow } from "./model";
import { Copy } from "./parts";

interface Props {
  rows: RunRow[];
  total: number;
  colours: Record<string, string>;
  open: string | null;
  choose: (run: string) => void;
}

export function Runs({ rows, total, colours, open, choose }: Props) {
  if (rows.length === 0) return <p class="qx-empty">No run fits this filter.</p>;
  return (
    <>
      <div class="qx-scroll qx-tall" tabIndex={0} role="region" aria-label="Newest runs">
        <table class="qx-table qx-runs">
          <thead>
            <tr>
              <th scope="col">run</th>
              <th scope="col">state</th>
              <th scope="col">started (UTC)</th>
              <th scope="col" class="qx-right">time</th>
              <th scope="col" class="qx-right">points</th>
              <th scope="col">backends</th>
              <th scope="col" class="qx-right">cost</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <Row key={row.run} row={row} colours={colours} open={open === row.run} choose={choose} />
            ))}
          </tbody>
        </table>
      </div>
      {total > rows.length && <p class="qx-quiet">{`The newest ${rows.length} of ${count(total)} are listed.`}</p>}
    </>
  );
}

interface RowProps {
  row: RunRow;
  colours: Record<string, string>;
  open: boolean;
  choose: (run: string) => void;
}

function Row({ row, colours, open, choose }: RowProps) {
  const state = row.state === "unfinished" ? "running" : row.state;
  return (
    <tr class={open ? "qx-open" : ""}>
      <th scope="row">
        <button type="button" class="qx-link" aria-expanded={open} data-run={row.run} onClick={() => choose(row.run)}>
          {`${row.name}:${row.number}`}
        </button>
      </th>
      <td>
        <span class={`qx-state qx-is-${row.state}`} title={row.error ?? undefined}>
          <StateIcon state={row.state === "unfinished" ? "waiting" : state} />
          {row.state}
        </span>
      </td>
      <td class="qx-nowrap">{moment(row.started)}</td>
      <td class="qx-right">{duration(row.wall_s)}</td>
      <td class="qx-right" title={row.failed ? `${count(row.failed)} failed` : undefined}>
        {row.done === row.points ? count(row.points) : `${count(row.done)} of ${count(row.points)}`}
      </td>
      <td>
        {(row.backends ?? []).map((name) => (
          <span key={name} class="qx-tag">
            <i class="qx-dot" style={{ background: colours[name] }} />
            {name}
          </span>
        ))}
      </td>
      <td class="qx-right qx-costs">
        {row.money.map((each, i) => (
          <span key={each.currency}>{`${i > 0 ? "\u00a0 " : ""}${money(each)}`}</span>
        ))}
      </td>
    </tr>
  );
}

/** A run as its HTML form shows it, with the line that brings it into the notebook. */
export function Opened({ open, close }: { open: NonNullable<Dashboard["open"]>; close: () => void }) {
  const box = useRef<HTMLElement>(null);
  useEffect(() => {
    box.current?.focus({ preventScroll: true });
    box.current?.scrollIntoView?.({ block: "nearest" });
  }, [open.run]);
  const escape = (event: KeyboardEvent) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    close();
  };
  return (
    <section class="qx-opened" ref={box} tabIndex={-1} aria-label={`Run ${open.run}`} onKeyDown={escape}>
      <p class="qx-type">
        <span class="qx-quiet">to have it in the notebook, type</span>
        <code>{open.line}</code>
        <Copy text={open.line} label="Copy" />
        <button type="button" class="qx-small qx-close" onClick={close}>Close</button>
      </p>
      {/* Made and escaped by widgets/html.py. */}
      <div dangerouslySetInnerHTML={{ __html: open.html }} />
    </section>
  );
}
