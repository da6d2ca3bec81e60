// Pieces that the charts share: cards with their SQL, rows of bars, copying, widths.
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";

interface CardProps {
  title: string;
  /** Quantity and unit. */
  about?: string;
  sql?: string | (string | undefined)[] | undefined;
  wide?: boolean;
  children: ComponentChildren;
}

export function Card({ title, about, sql, wide, children }: CardProps) {
  const [shown, show] = useState(false);
  const id = useId();
  const queries = [sql].flat().filter((each): each is string => Boolean(each));
  return (
    <section class={`qx-card${wide ? " qx-wide" : ""}`} aria-labelledby={id}>
      <header class="qx-card-head">
        <h4 id={id}>{title}</h4>
        {about && <span class="qx-quiet">{about}</span>}
        {queries.length > 0 && (
          <button
            type="button"
            class="qx-small"
            aria-expanded={shown}
            aria-label={`SQL of ${title}`}
            onClick={() => show(!shown)}
          >
            SQL
          </button>
        )}
      </header>
      {shown && queries.map((query) => <Query key={query} query={query} />)}
      {children}
    </section>
  );
}

function Query({ query }: { query: string }) {
  const line = `%qflow sql ${query.replace(/\s+/g, " ").trim()}`;
  return (
    <div class="qx-query">
      <pre tabIndex={0}>{query}</pre>
      <Copy text={line} label="Copy as %qflow sql" />
    </div>
  );
}

export function Copy({ text, label }: { text: string; label: string }) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 2000);
    return () => clearTimeout(timer);
  }, [copied]);
  const copy = () => void navigator.clipboard?.writeText(text).then(() => setCopied(true));
  return (
    <button type="button" class="qx-small" onClick={copy}>
      <span aria-live="polite">{copied ? "Copied" : label}</span>
    </button>
  );
}

/** A part of a bar; `look` is its class, so that it may have a pattern. */
export interface Part {
  share: number;
  look: string;
  colour?: string | undefined;
}
export interface Cell {
  parts: Part[];
  text: string;
  title?: string;
}
export interface Line {
  name: string;
  colour?: string | undefined;
  /** All of it in words, for screen readers. */
  spoken: string;
  cells: Cell[];
}

interface RowsProps {
  lines: Line[];
  columns: string[];
  /** What the first column holds. */
  head: string;
  chosen: string | undefined;
  choose: (name: string) => void;
  empty: string;
}

/** One button for each line: a name, then bars with their numbers. */
export function Rows({ lines, columns, head, chosen, choose, empty }: RowsProps) {
  if (lines.length === 0) return <p class="qx-empty">{empty}</p>;
  const style = { "--qx-columns": columns.length };
  return (
    <div class={`qx-rows${columns.length === 1 ? " qx-lone" : ""}`} style={style as never}>
      <div class="qx-line qx-line-head" aria-hidden="true">
        <span>{head}</span>
        {columns.map((column) => (
          <span key={column}>{column}</span>
        ))}
      </div>
      <div class="qx-scroll">
        {lines.map((line) => (
          <button
            type="button"
            key={line.name}
            class={`qx-line${chosen !== undefined && chosen !== line.name ? " qx-out" : ""}`}
            aria-pressed={chosen === line.name}
            aria-label={line.spoken}
            onClick={() => choose(line.name)}
          >
            <span class="qx-name" title={line.name}>
              {line.colour && <i class="qx-dot" style={{ background: line.colour }} />}
              <span>{line.name}</span>
            </span>
            {line.cells.map((cell, i) => (
              <Bar key={columns[i]} cell={cell} />
            ))}
          </button>
        ))}
      </div>
    </div>
  );
}

/** A bar with its number behind it; what is left of a whole is a part as well. */
function Bar({ cell }: { cell: Cell }) {
  const whole = cell.parts.reduce((sum, part) => sum + part.share, 0);
  return (
    <span class="qx-cell" title={cell.title || undefined}>
      {whole > 0 && (
        <span class="qx-bar" style={{ "--qx-share": Math.min(whole, 1) } as never}>
          {cell.parts.map((part, i) => (
            <span
              key={i}
              class={`qx-part qx-part-${part.look}`}
              style={{
                width: `${(100 * part.share) / whole}%`,
                ...(part.colour ? { "--qx-tone": part.colour } : {}),
              }}
            />
          ))}
        </span>
      )}
      <span class="qx-number">{cell.text}</span>
    </span>
  );
}

/** Width of a box in pixels, as it is now. */
export function useWidth(usual = 480) {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(usual);
  useEffect(() => {
    const element = box.current;
    if (!element || typeof ResizeObserver === "undefined") return;
    const observer = new ResizeObserver(() => setWidth(Math.max(element.clientWidth, 160)));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return [box, width] as const;
}
