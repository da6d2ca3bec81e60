// Steps of which points failed, with the error of their latest run.
import { plural } from "../run/format";
import { count, percent } from "./format";
import type { Failure } from "./model";

export function Failures({ rows, open }: { rows: Failure[]; open: (run: string) => void }) {
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

const failedShare = (row: Failure): number => (row.points > 0 ? row.failed / row.points : 0);
