// Lines of bars with their numbers; each is a button that filters.

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
  const style = { "--qf-columns": columns.length };
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
        <span class="qx-bar" style={{ "--qf-share": Math.min(whole, 1) } as never}>
          {cell.parts.map((part, i) => (
            <span
              key={i}
              class={`qx-part qx-part-${part.look}`}
              style={{
                width: `${(100 * part.share) / whole}%`,
                ...(part.colour ? { "--qf-tone": part.colour } : {}),
              }}
            />
          ))}
        </span>
      )}
      <span class="qx-number">{cell.text}</span>
    </span>
  );
}
