import { Glyph, KindIcon } from "../shared/icons";
import { useDesk } from "./desk";
import type { Cell, Step } from "./model";
import { isMissing, offers, sources } from "./shape";

/** What the step takes, each thing to be taken away; and what else it could take. */
export function Needs({ step }: { step: Step }) {
  const { cell, edit, lost, select } = useDesk();
  const missing = (name: string) => isMissing(cell, step, name);
  const names = [...new Set([...step.needs, ...step.edges, ...step.inputs, ...step.injected])];
  const from = sources(cell.steps, step.name);
  const values = offers(cell, step);
  const add = (name: string) => name && edit({ do: "connect", from: name, to: step.name });
  return (
    <section class="qfc-part" aria-label="Needs">
      <h4 class="qfc-heading">Takes</h4>
      <ul class="qfc-chips">
        {names.map((name) => (
          <li key={name} class="qfc-chip">
            <Mark cell={cell} step={step} name={name} />
            {step.edges.includes(name) ? (
              <button type="button" class="qfc-link" onClick={() => select({ step: name })}>{name}</button>
            ) : (
              <span>
                {name}
                {missing(name) && <span class="qf-sub"> missing</span>}
              </span>
            )}
            <button
              type="button"
              class="qfc-tool qfc-tiny"
              aria-label={`Take ${name} away from ${step.name}`}
              title="Take away"
              disabled={lost}
              onClick={() => edit({ do: "disconnect", from: name, to: step.name })}
            >
              <Glyph name="close" />
            </button>
          </li>
        ))}
        {from.length + values.length > 0 && (
          <li>
            <select
              class="qfc-control qfc-add"
              aria-label={`Let ${step.name} take`}
              disabled={lost}
              value=""
              onChange={(event) => {
                add(event.currentTarget.value);
                event.currentTarget.value = "";
              }}
            >
              <option value="">+ add</option>
              <Group label="Steps" names={from} />
              <Group label="Values" names={values} />
            </select>
          </li>
        )}
        {names.length === 0 && from.length + values.length === 0 && <li class="qfc-aside">nothing</li>}
      </ul>
    </section>
  );
}

function Group({ label, names }: { label: string; names: string[] }) {
  if (names.length === 0) return null;
  return (
    <optgroup label={label}>
      {names.map((name) => (
        <option key={name} value={name}>{name}</option>
      ))}
    </optgroup>
  );
}

function Mark({ cell, step, name }: { cell: Cell; step: Step; name: string }) {
  if (isMissing(cell, step, name)) return <Glyph name="warn" />;
  const above = cell.steps.find((one) => one.name === name);
  if (above) return <KindIcon kind={above.kind} />;
  if (step.injected.includes(name)) return <Glyph name="lock" />;
  if (cell.axes.some((axis) => axis.name === name)) return <Glyph name="axis" />;
  return cell.dials.some((dial) => dial.name === name) ? <Glyph name="dial" /> : <KindIcon kind="input" />;
}
