// Pieces that the charts share: cards with their SQL, copying, widths.
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { useUnique } from "../shared/ids";

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
  const id = useUnique();
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

/** What the kernel has left out to keep its message small. */
export function Omitted({ what }: { what: string[] | undefined }) {
  if (!what || what.length === 0) return null;
  return <p class="qx-message" role="note">{`Not shown, to keep this view quick: ${what.join(", ")}.`}</p>;
}
