import { plural } from "./format";
import type { Histogram as Shown } from "./model";
import { wilson } from "./wilson";

const percent = (p: number): string => `${(100 * p).toFixed(1)}`;

/** Probabilities of outcomes with 95 % intervals: a table whose rows hold a bar. */
export function Histogram({ shown, colour }: { shown: Shown; colour?: string | undefined }) {
  const ends = shown.counts.map(([, k]) => wilson(k, shown.shots));
  const most = Math.max(...ends.map(([, high]) => high), 1e-9) * 1.08;
  const at = (p: number) => `${(100 * p) / most}%`;
  const rest = shown.shots - shown.counts.reduce((sum, [, k]) => sum + k, 0);
  const others = shown.outcomes - shown.counts.length;
  return (
    <table class="qf-histogram" style={{ "--qf-tone": colour } as never}>
      <caption>
        {[shown.label, plural(shown.shots, "shot")].filter(Boolean).join(" · ")}
        {shown.counts.length === 0 && ": too many to be counted while the run goes on"}
      </caption>
      {shown.counts.length > 0 && (
        <thead class="qf-hidden">
          <tr>
            <th scope="col">outcome</th>
            <th scope="col">bar</th>
            <th scope="col">probability in %, with its 95 % interval</th>
          </tr>
        </thead>
      )}
      <tbody>
        {shown.counts.map(([outcome, k], i) => {
          const [low, high] = ends[i]!;
          const p = k / shown.shots;
          return (
            <tr key={outcome} title={`${outcome}: ${k} of ${shown.shots}`}>
              <th scope="row">{outcome}</th>
              <td class="qf-histogram-bar" aria-hidden="true">
                <span class="qf-fill" style={{ width: at(p) }} />
                <span class="qf-whisker" style={{ left: at(low), width: at(high - low) }} />
              </td>
              <td class="qf-number">{`${percent(p)} % (${percent(low)}–${percent(high)})`}</td>
            </tr>
          );
        })}
        {others > 0 && shown.counts.length > 0 && (
          <tr>
            <th scope="row">{plural(others, "other")}</th>
            <td aria-hidden="true" />
            <td class="qf-number">{`${percent(rest / shown.shots)} %`}</td>
          </tr>
        )}
      </tbody>
    </table>
  );
}
