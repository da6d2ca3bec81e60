// Two runs side by side: what differs first, then what the results say of it.
import { useEffect, useState } from "preact/hooks";
import { plural } from "../run/format";
import type { Compared, Section, Send } from "./model";
import { keepFocus, keepKeys } from "../shared/keys";
import { useUnique } from "../shared/ids";
import { Omitted } from "./parts";

interface Props {
  data: Compared;
  lost: boolean;
  send: Send;
}

const VERDICTS = {
  differ: ["≠", "Results differ"],
  agree: ["=", "Results agree"],
  changed: ["≈", "No tested point differs; others changed"],
  untested: ["?", "Nothing could be tested"],
} as const;

export function CompareView({ data, lost, send }: Props) {
  const [asked, setAsked] = useState<{ n: number; a: string; b: string } | null>(null);
  const waiting = !lost && asked !== null && asked.n > data.n;
  const [a, b] = waiting ? [asked.a, asked.b] : [data.a, data.b];
  const ask = (one: string, other: string) => {
    if (one === other || lost) return;
    const n = Math.max(asked?.n ?? 0, data.n) + 1;
    setAsked({ n, a: one, b: other });
    send({ type: "compare", n, a: one, b: other });
  };
  useEffect(() => setAsked(null), [data.n]);
  const message = lost ? "The kernel has gone. This is the last it told." : data.message;
  return (
    <article class={`qf-widget qx${waiting ? " qx-waiting" : ""}`} aria-label={`${data.a} compared with ${data.b}`} aria-busy={waiting} onKeyDown={keepKeys} onFocusCapture={keepFocus}>
      <header class="qx-head">
        <div class="qx-row">
          <Side label="from" value={a} other={b} data={data} disabled={lost} choose={(run) => ask(run, b)} />
          <button type="button" class="qx-small" disabled={lost} onClick={() => ask(b, a)} aria-label="Swap the two runs">⇄</button>
          <Side label="to" value={b} other={a} data={data} disabled={lost} choose={(run) => ask(a, run)} />
          {waiting && <span class="qx-quiet" role="status">Comparing…</span>}
        </div>
      </header>
      {message && <p class="qx-message" role="alert">{message}</p>}
      <Omitted what={data.omitted} />
      <div class="qx-said">
        <div class={`qx-verdict qx-verdict-${data.verdict}`}>
          <span class="qx-sign" aria-hidden="true">{VERDICTS[data.verdict][0]}</span>
          <span>
            <strong>{VERDICTS[data.verdict][1]}</strong>
            <span class="qx-quiet">
              {data.tested > 0 ? `${plural(data.tested, "point")} tested, ${data.differing} ${data.differing === 1 ? "differs" : "differ"}, at ${100 * data.level} % for all together` : "no point with a known uncertainty is in both"}
            </span>
          </span>
        </div>
        {data.sentences.map((sentence) => <p key={sentence}>{sentence}</p>)}
      </div>
      <Group title="What differs" sections={data.differences} from={data.a} to={data.b} empty="Nothing that is recorded differs." />
      <Group title="Results" sections={data.results} from={data.a} to={data.b} empty="No result differs." />
      <Group title="What it took" sections={data.spent} from={data.a} to={data.b} empty="Both took the same." />
    </article>
  );
}

interface SideProps {
  label: string;
  value: string;
  other: string;
  data: Compared;
  disabled: boolean;
  choose: (run: string) => void;
}

function Side({ label, value, other, data, disabled, choose }: SideProps) {
  const id = useUnique();
  const about = data.runs.find((run) => run.label === value)?.about;
  return (
    <span class="qx-side">
      <label for={id} class="qx-quiet">{label}</label>
      <select id={id} value={value} disabled={disabled} onChange={(event) => choose(event.currentTarget.value)}>
        {!data.runs.some((run) => run.label === value) && <option value={value}>{value}</option>}
        {data.runs.map((run) => (
          <option key={run.label} value={run.label} disabled={run.label === other}>{run.label}</option>
        ))}
      </select>
      {about && <span class="qx-quiet">{about}</span>}
    </span>
  );
}

interface GroupProps {
  title: string;
  sections: Section[];
  from: string;
  to: string;
  empty: string;
}

function Group({ title, sections, from, to, empty }: GroupProps) {
  return (
    <section class="qx-group" aria-label={title}>
      <h4>{title}</h4>
      {sections.length === 0 && <p class="qx-quiet">{empty}</p>}
      <div class="qx-sections">
        {sections.map((section) => <SectionView key={section.title} section={section} from={from} to={to} />)}
      </div>
    </section>
  );
}

function SectionView({ section, from, to }: { section: Section; from: string; to: string }) {
  const side = (column: string) => (column === from ? " qx-from" : column === to ? " qx-to" : "");
  const numeric = section.columns.map((_, i) => section.rows.every((row) => /^[\s<+\-−±\d.,e%×]*$/.test(row[i] ?? "")));
  // Both runs stand alike.
  const sides = section.columns.flatMap((column, i) => (side(column) ? [i] : []));
  const right = (i: number) => (numeric[i] && (!sides.includes(i) || sides.every((j) => numeric[j])) ? "qx-right" : "");
  return (
    <section class={`qx-part-of${section.lines.length > 0 ? " qx-wide" : ""}`}>
      <h5>{section.title}</h5>
      {section.rows.length > 0 && (
        <div class="qx-scroll" tabIndex={0} role="region" aria-label={section.title}>
          <table class="qx-table">
            <thead>
              <tr>{section.columns.map((column, i) => <th key={column} scope="col" class={right(i) + side(column)}>{column}</th>)}</tr>
            </thead>
            <tbody>
              {section.rows.map((row, i) => (
                <tr key={i}>
                  {row.map((cell, j) => <td key={j} class={right(j) + side(section.columns[j] ?? "")}>{cell}</td>)}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {section.lines.length > 0 && (
        <pre class="qx-diff" tabIndex={0}>
          {section.lines.map((line, i) => <span key={i} class={`qx-line-${KINDS[line[0] ?? ""] ?? "same"}`}>{`${line}\n`}</span>)}
        </pre>
      )}
      {section.more && <p class="qx-quiet">{section.more}</p>}
    </section>
  );
}

const KINDS: Record<string, string> = { "+": "new", "-": "old", "@": "head" };
