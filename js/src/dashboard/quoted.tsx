// What jobs were to cost, against what they did: a panel and a table for each currency.
import { brief, count, money, percent } from "./format";
import type { Quoted } from "./model";
import { useWidth } from "./parts";

const HEIGHT = 232;
const [LEFT, RIGHT, TOP, BOTTOM] = [46, 12, 8, 36];
const SHAPES = [
  "M-1 0a1 1 0 1 0 2 0a1 1 0 1 0-2 0z",
  "M-.9-.9h1.8v1.8h-1.8z",
  "M0-1.25 1.25 0 0 1.25-1.25 0z",
  "M0-1.2 1.15.85h-2.3z",
  "M0 1.2 1.15-.85h-2.3z",
];

interface Props {
  rows: Quoted[];
  colours: Record<string, string>;
}

export function QuotedChart({ rows, colours }: Props) {
  const currencies = [...new Set(rows.map((row) => row.currency))];
  if (rows.length === 0) return <p class="qx-empty">No job under this filter was quoted.</p>;
  const backends = [...new Set(rows.map((row) => row.backend))];
  return (
    <div class="qx-figures">
      {currencies.map((currency) => {
        const mine = rows.filter((row) => row.currency === currency);
        return (
          <figure key={currency} class="qx-figure" aria-label={`Quote against actual cost in ${currency}`}>
            <Panel rows={mine} currency={currency} backends={backends} colours={colours} />
            <Summary rows={mine} currency={currency} backends={backends} colours={colours} />
          </figure>
        );
      })}
    </div>
  );
}

type PanelProps = Props & { currency: string; backends: string[] };

function Panel({ rows, currency, backends, colours }: PanelProps) {
  const [box, width] = useWidth(340);
  const [low, high] = reach(rows);
  const place = (value: number) => (Math.log(Math.max(value, low)) - Math.log(low)) / (Math.log(high) - Math.log(low));
  const x = (value: number) => LEFT + (width - LEFT - RIGHT) * place(value);
  const y = (value: number) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - place(value));
  const marks = decades(low, high);
  const most = Math.max(...rows.map((row) => row.jobs));
  return (
    <div ref={box} class="qx-plot">
      <svg width={width} height={HEIGHT} role="img" aria-label={`Actual over quoted cost, ${currency}, both axes logarithmic; the table below has the sums`}>
        {marks.map((n) => (
          <g key={n}>
            <line class="qx-grid" x1={LEFT} x2={width - RIGHT} y1={y(n)} y2={y(n)} />
            <line class="qx-grid" y1={TOP} y2={HEIGHT - BOTTOM} x1={x(n)} x2={x(n)} />
            <text class="qx-tick" x={LEFT - 6} y={y(n) + 3.5} text-anchor="end">{brief(n)}</text>
            <text class="qx-tick" x={x(n)} y={HEIGHT - BOTTOM + 14} text-anchor="middle">{brief(n)}</text>
          </g>
        ))}
        <line class="qx-equal" x1={x(low)} y1={y(low)} x2={x(high)} y2={y(high)} />
        <text class="qx-tick" x={width - RIGHT} y={HEIGHT - 4} text-anchor="end">{`quoted, ${currency}`}</text>
        <text class="qx-tick" transform={`translate(10 ${TOP}) rotate(-90)`} text-anchor="end">{`actual, ${currency}`}</text>
        {rows.map((row) => (
          <path
            key={`${row.backend} ${row.quoted} ${row.cost}`}
            class="qx-bubble"
            d={SHAPES[backends.indexOf(row.backend) % SHAPES.length]}
            style={{ "--qf-tone": colours[row.backend] } as never}
            transform={`translate(${x(row.quoted)} ${y(row.cost ?? 0)}) scale(${3.6 + 6 * Math.sqrt(row.jobs / Math.max(most, 12))})`}
          >
            <title>{`${row.backend}: ${count(row.jobs)} jobs, quoted ${money({ currency, cost: row.quoted })} each, cost ${money({ currency, cost: row.cost ?? 0 })} each`}</title>
          </path>
        ))}
      </svg>
    </div>
  );
}

function Summary({ rows, currency, backends, colours }: PanelProps) {
  const mine = backends.filter((name) => rows.some((row) => row.backend === name));
  return (
    <table class="qx-table">
      <thead>
        <tr>
          <th scope="col">backend</th>
          <th scope="col" class="qx-right">jobs</th>
          <th scope="col" class="qx-right">{`quoted, ${currency}`}</th>
          <th scope="col" class="qx-right">{`actual, ${currency}`}</th>
          <th scope="col" class="qx-right" title="Jobs whose cost lay in the interval of their quote">in interval</th>
        </tr>
      </thead>
      <tbody>
        {mine.map((name) => {
          const of = rows.filter((row) => row.backend === name);
          const sum = (pick: (row: Quoted) => number | null) => of.reduce((all, row) => all + (pick(row) ?? 0), 0);
          const jobs = sum((row) => row.jobs);
          const amount = (cost: number) => money({ cost, currency }).replace(` ${currency}`, "");
          return (
            <tr key={name}>
              <th scope="row">
                <svg class="qx-key" viewBox="-1.4 -1.4 2.8 2.8" aria-hidden="true">
                  <path d={SHAPES[backends.indexOf(name) % SHAPES.length]} fill={colours[name]} />
                </svg>
                {name}
              </th>
              <td class="qx-right">{count(jobs)}</td>
              <td class="qx-right">{amount(sum((row) => row.quoted_in_all))}</td>
              <td class="qx-right">{amount(sum((row) => row.cost_in_all))}</td>
              <td class="qx-right">{percent(sum((row) => row.within) / jobs)}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

/** Ends of both axes; what cost nothing stands at the lower one. */
export function reach(rows: Quoted[]): [number, number] {
  const values = rows.flatMap((row) => [row.quoted, row.cost ?? 0]).filter((value) => value > 0);
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const free = rows.some((row) => !row.cost);
  const pad = most / least < 4 ? 2 : 1.4;
  return [least / (free ? 2.5 * pad : pad), most * pad];
}

/** 1, 2 and 5 of each decade if there are few decades, else powers of ten. */
export function decades(low: number, high: number): number[] {
  const span = Math.log10(high / low);
  const of = span < 1.6 ? [1, 2, 5] : [1];
  const every = Math.max(1, Math.ceil(span / 6));
  const found: number[] = [];
  for (let e = Math.floor(Math.log10(low)); e <= Math.log10(high); e += every) {
    for (const m of of) {
      const value = m * 10 ** e;
      if (value >= low && value <= high) found.push(value);
    }
  }
  return found;
}
