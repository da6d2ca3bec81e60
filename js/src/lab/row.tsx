// One run in the sidebar: what became of it, and what one can do about it.
import { Glyph, StateIcon } from "../shared/icons";
import { type RunRow, clock, icon, label, progress, resumable, sentence, share, summary, word } from "./runs";

export interface Acts {
  cancel(row: RunRow): void;
  open(row: RunRow): void;
  insert(row: RunRow): void;
  /** Bring the run, by a line of `%qflow`, into the notebook in front. */
  load(row: RunRow, rows: RunRow[]): void;
  resume(row: RunRow, rows: RunRow[]): void;
}

interface Props {
  row: RunRow;
  rows: RunRow[];
  now: number;
  cancelling: boolean;
  opened: boolean;
  toggle: () => void;
  acts: Acts;
}

export function Row({ row, rows, now, cancelling, opened, toggle, acts }: Props) {
  const runs = row.state === "running";
  const state = word(row, cancelling);
  const id = `qf-side-${row.run}`;
  return (
    <li class={`qf-side-run qf-is-${icon(row)}`} data-run={row.run}>
      <div class="qf-side-line">
        <button
          class="qf-side-main"
          aria-label={sentence(row, cancelling, now)}
          aria-expanded={opened}
          aria-controls={id}
          onClick={toggle}
        >
          <span class={`qf-state qf-is-${icon(row)}`}>
            <StateIcon state={icon(row)} />
          </span>
          <span class="qf-side-name" title={label(row)}>
            {row.name}
            <span class="qf-side-count">:{row.number}</span>
          </span>
          <span class="qf-side-when">{clock(row, now)}</span>
          <span class="qf-side-more">
            <span class={`qf-state qf-is-${icon(row)}`}>{state}</span>
            <span>{runs ? share(row) : summary(row)}</span>
          </span>
        </button>
        {runs && (
          <button
            class="qf-button qf-danger"
            disabled={cancelling}
            aria-label={`Cancel ${label(row)}`}
            onClick={() => acts.cancel(row)}
          >
            Cancel
          </button>
        )}
      </div>
      {runs && <Progress row={row} />}
      {opened && <Details id={id} row={row} rows={rows} acts={acts} />}
    </li>
  );
}

/** The words beside it say the same. */
function Progress({ row }: { row: RunRow }) {
  const width = (n: number) => ({ width: row.total ? `${(100 * n) / row.total}%` : "0" });
  return (
    <span class="qf-bar" aria-hidden="true">
      <span class="qf-bar-done" style={width(row.done)} />
      <span class="qf-bar-failed" style={width(row.failed)} />
    </span>
  );
}

const MOMENT = { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" } as const;

function Details({ id, row, rows, acts }: { id: string; row: RunRow; rows: RunRow[]; acts: Acts }) {
  const begun = new Date(1000 * row.started);
  return (
    <div class="qf-side-details" id={id}>
      {row.error && <p class="qf-side-error">{row.error}</p>}
      {row.state === "unfinished" && (
        <p>Its process has gone. It goes on where it was, and pays for nothing twice.</p>
      )}
      <dl>
        <dt>Points</dt>
        <dd>{progress(row)}</dd>
        {row.backends.length > 0 && <dt>Backends</dt>}
        {row.backends.length > 0 && <dd>{row.backends.join(", ")}</dd>}
        {row.cost && <dt>Cost</dt>}
        {row.cost && <dd>{row.cost}</dd>}
        {row.notebook && <dt>Notebook</dt>}
        {row.notebook && <dd title={row.notebook}>{row.notebook}</dd>}
        <dt>Begun</dt>
        <dd title={begun.toLocaleString()}>{begun.toLocaleString([], MOMENT)}</dd>
      </dl>
      <div class="qf-side-acts" role="group" aria-label={`What to do with ${label(row)}`}>
        {row.path && (
          <Act glyph="book" title="Open the notebook in which it ran, at its cell" act={() => acts.open(row)}>
            Open
          </Act>
        )}
        <Act glyph="paste" title="Put the text of its %%qflow cell into the notebook in front" act={() => acts.insert(row)}>
          Insert cell
        </Act>
        {row.state !== "running" && (
          <Act glyph="copy" title="Have its results in the notebook in front, by %qflow load" act={() => acts.load(row, rows)}>
            Load
          </Act>
        )}
        {resumable(row) && (
          <Act glyph="play" title="Put %qflow resume into the notebook in front; you run it" act={() => acts.resume(row, rows)}>
            Resume
          </Act>
        )}
      </div>
    </div>
  );
}

interface ActProps {
  glyph: string;
  title: string;
  act: () => void;
  children: string;
}

const Act = ({ glyph, title, act, children }: ActProps) => (
  <button class="qf-button" title={title} onClick={act}>
    <Glyph name={glyph} />
    {children}
  </button>
);
