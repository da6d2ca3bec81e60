import { short } from "./format";
import type { Estimates as Shown, Step } from "./model";
import { ticks } from "./ticks";

/** Values over their axis, each with its standard error. */
export function Estimates({ shown, step }: { shown: Shown; step: Step }) {
  const { values } = shown;
  const xs = values.map(([x]) => x);
  const ends = values.flatMap(([, v, error]) => [v - (error ?? 0), v + (error ?? 0)]);
  const [left, right] = padded(Math.min(...xs), Math.max(...xs));
  const [low, high] = padded(Math.min(...ends), Math.max(...ends));
  const x = (value: number) => `${(100 * (value - left)) / (right - left)}%`;
  const y = (value: number) => `${(100 * (high - value)) / (high - low)}%`;
  const marks = ticks(low, high, 5);
  return (
    <figure class="qf-estimates">
      <figcaption>
        {shown.point && <span class="qf-sub">{`newest: ${shown.point}`}</span>}
        <span class="qf-number">{newest(shown)}</span>
      </figcaption>
      <div class="qf-plot" role="img" aria-label={describe(shown, step)}>
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
          {values.map(([place, value, error], i) => (
            <g key={i}>
              {error !== null && (
                <line class="qf-error-bar" x1={x(place)} x2={x(place)} y1={y(value - error)} y2={y(value + error)} />
              )}
              <circle class="qf-dot" cx={x(place)} cy={y(value)} r="3" />
            </g>
          ))}
        </svg>
      </div>
      <div class="qf-plot-x">
        <span>{shown.placed ? short(Math.min(...xs)) : ""}</span>
        <span>{axis(shown, step)}</span>
        <span>{shown.placed ? short(Math.max(...xs)) : ""}</span>
      </div>
    </figure>
  );
}

/** Room on both sides, so that nothing stands on the frame. */
function padded(low: number, high: number): [number, number] {
  const room = (high - low) * 0.06 || Math.abs(low) * 0.05 || 1;
  return [low - room, high + room];
}

function newest({ values, point }: Shown): string {
  if (values.length !== 1 && point) return "";
  const [, value, error] = values[0]!;
  return values.length === 1 ? plusMinus(value, error) : "";
}

const plusMinus = (value: number, error: number | null): string =>
  error === null ? short(value) : `${short(value)} ± ${short(Number(error.toPrecision(2)))}`;

function axis(shown: Shown, step: Step): string {
  const name = shown.placed ? step.dims[0]?.[0] : undefined;
  if (name) return step.unit ? `${name} (${step.unit})` : name;
  return shown.values.length < 2 ? "" : "in the order in which they came";
}

function describe(shown: Shown, step: Step): string {
  const values = shown.values.map(([, value]) => value);
  const errors = shown.values.map(([, , error]) => error).filter((error) => error !== null);
  if (shown.values.length === 1) {
    return `${step.name}: ${plusMinus(values[0]!, errors[0] ?? null)}${errors.length ? ", with its standard error" : ""}`;
  }
  const range = `from ${short(Math.min(...values))} to ${short(Math.max(...values))}`;
  const largest = errors.length ? `, standard errors up to ${short(Math.max(...errors))}` : "";
  return `${step.name}: ${values.length} values ${range}${largest}`;
}
