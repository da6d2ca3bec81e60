import { short } from "./format";
import type { Estimates as Shown, Series, Step } from "./model";
import { ticks } from "./ticks";

/** Lines of one picture differ in shape too, not in colour alone. */
const MARKS = "●■▲◆▼✚★⬟";

interface Props {
  shown: Shown;
  step: Step;
  colours: Record<string, string>;
}

/** Values over their axis, each with its standard error: a line for each backend. */
export function Estimates({ shown, step, colours }: Props) {
  const { series } = shown;
  const values = series.flatMap((line) => line.values);
  const xs = values.map(([x]) => x);
  const ends = values.filter(hasValue).flatMap(([, v, error]) => [v - (error ?? 0), v + (error ?? 0)]);
  const [left, right] = padded(Math.min(...xs), Math.max(...xs));
  const [low, high] = ends.length ? padded(Math.min(...ends), Math.max(...ends)) : [0, 1];
  const x = (value: number) => `${(100 * (value - left)) / (right - left)}%`;
  const y = (value: number) => `${(100 * (high - value)) / (high - low)}%`;
  const marks = ends.length ? ticks(low, high, 5) : [];
  const tone = (line: Series) => ({ "--qf-tone": line.backend ? colours[line.backend] : undefined }) as never;
  const odd = values.length - values.filter(hasValue).length;
  return (
    <figure class="qf-estimates">
      <figcaption>
        {shown.point && <span class="qf-sub">{`newest: ${shown.point}`}</span>}
        <span class="qf-number">{newest(values)}</span>
      </figcaption>
      <div class="qf-plot" role="img" aria-label={describe(series, step)}>
        <div class="qf-plot-y">
          {marks.map((mark) => (
            <span key={mark} style={{ top: y(mark) }}>
              {short(mark)}
            </span>
          ))}
        </div>
        <svg class="qf-plot-area" width="100%" height="100%">
          {marks.map((mark) => (
            <line key={mark} class="qf-grid" x1="0" x2="100%" y1={y(mark)} y2={y(mark)} />
          ))}
          {series.map((line, n) => (
            <g key={line.label} style={tone(line)}>
              {line.values.map(([place, value, error], i) =>
                value === null ? (
                  <text key={i} class="qf-dot qf-odd" x={x(place)} y="100%" dy="-3">
                    ×
                  </text>
                ) : (
                  <g key={i}>
                    {error !== null && (
                      <line class="qf-error-bar" x1={x(place)} x2={x(place)} y1={y(value - error)} y2={y(value + error)} />
                    )}
                    {n % MARKS.length === 0 ? (
                      <circle class="qf-dot" cx={x(place)} cy={y(value)} r="3" />
                    ) : (
                      <text class="qf-dot" x={x(place)} y={y(value)} dy="0.35em">
                        {MARKS[n % MARKS.length]}
                      </text>
                    )}
                  </g>
                ),
              )}
            </g>
          ))}
        </svg>
      </div>
      <div class="qf-plot-x">
        <span>{shown.placed ? short(Math.min(...xs)) : ""}</span>
        <span>{axis(shown, values.length)}</span>
        <span>{shown.placed ? short(Math.max(...xs)) : ""}</span>
      </div>
      {(odd > 0 || series.length > 1 || series[0]?.label) && (
        <p class="qf-legend">
          {series.map(
            (line, n) =>
              line.label && (
                <span key={line.label} class="qf-sample" style={tone(line)}>
                  <span class="qf-dot" aria-hidden="true">
                    {MARKS[n % MARKS.length]}
                  </span>
                  {line.label}
                </span>
              ),
          )}
          {odd > 0 && (
            <span class="qf-sample qf-sub">
              <span aria-hidden="true">×</span>
              {unfinite(odd, values.length)}
            </span>
          )}
        </p>
      )}
    </figure>
  );
}

type Values = Series["values"];
type Finite = [number, number, number | null];

const hasValue = (row: Values[number]): row is Finite => row[1] !== null;

/** Room on both sides, so that nothing stands on the frame. */
function padded(low: number, high: number): [number, number] {
  const room = (high - low) * 0.06 || Math.abs(low) * 0.05 || 1;
  return [low - room, high + room];
}

const unfinite = (odd: number, all: number): string =>
  `${odd.toLocaleString("en")} of ${all.toLocaleString("en")} not a finite number`;

function newest(values: Values): string {
  const [only] = values;
  return values.length === 1 && only ? plusMinus(only[1], only[2]) : "";
}

function plusMinus(value: number | null, error: number | null): string {
  if (value === null) return "not a finite number";
  return error === null ? short(value) : `${short(value)} ± ${short(Number(error.toPrecision(2)))}`;
}

/** What lies below, and how much of all that is. */
function axis(shown: Shown, length: number): string {
  const { total, which } = shown;
  const part = total > length ? `the ${which} ${length.toLocaleString("en")} of ${total.toLocaleString("en")} ${which === "first" ? "values" : "points"}` : "";
  const along = shown.placed ? (shown.unit ? `${shown.axis} (${shown.unit})` : (shown.axis ?? "")) : "";
  const order = shown.which === "first" ? "in the order of the result" : "in the order of the axes";
  return [along || (length < 2 ? "" : order), part].filter(Boolean).join(" · ");
}

function describe(series: Series[], step: Step): string {
  return `${step.name}: ${series.map(spoken).join("; ")}`;
}

function spoken({ label, values: rows }: Series): string {
  const known = rows.filter(hasValue);
  const values = known.map(([, value]) => value);
  const errors = known.map(([, , error]) => error).filter((error) => error !== null);
  const name = label ? `${label}: ` : "";
  if (rows.length === 1) {
    return `${name}${plusMinus(rows[0]![1], errors[0] ?? null)}${errors.length ? ", with its standard error" : ""}`;
  }
  const odd = rows.length - known.length;
  const tail = odd ? `, ${unfinite(odd, rows.length)}` : "";
  if (values.length === 0) return `${name}${unfinite(odd, rows.length)}`;
  const range = `from ${short(Math.min(...values))} to ${short(Math.max(...values))}`;
  const largest = errors.length ? `, standard errors up to ${short(Math.max(...errors))}` : "";
  return `${name}${values.length} values ${range}${largest}${tail}`;
}
