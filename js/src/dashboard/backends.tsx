// Devices as maps and tables, and what a workflow would take on each.
import { useState } from "preact/hooks";
import { CouplingMap, LARGE, describe } from "./coupling";
import { percent } from "./format";
import type { Backends, Candidate, Device, Pair, Qubit } from "./model";
import { PAIRS, QUBITS, bare, usable } from "./scale";
import { type Column, SortedTable } from "./table";
import { keepFocus, keepKeys } from "../shared/keys";
import { useUnique } from "../shared/ids";
import { Omitted } from "./parts";

export function BackendsView({ data }: { data: Backends }) {
  const [name, setName] = useState<string | null>(null);
  // Devices of a choice come best first.
  const first = data.devices.find((each) => each.pairs.length > 0) ?? data.devices[0];
  const device = data.devices.find((each) => each.name === name) ?? first;
  if (!device) {
    return (
      <article class="qf-widget qx qx-nothing" aria-label="Backends">
        <h3>No backend to show</h3>
        <p>Name some, such as</p>
        <pre>{'qf.Backends(among=["fake_manila", "fake_torino"])'}</pre>
      </article>
    );
  }
  return (
    <article class="qf-widget qx" aria-label="Backends" onKeyDown={keepKeys} onFocusCapture={keepFocus}>
      {data.message && <p class="qx-message" role="alert">{data.message}</p>}
      <Omitted what={data.omitted} />
      {data.working && (
        <p class="qx-message" role="status">Working out what the workflow would take on each…</p>
      )}
      {data.choice && <Choice choice={data.choice} colours={colours(data)} chosen={device.name} choose={setName} />}
      <div class="qx-tabs" role="group" aria-label="Backend">
        {data.devices.map((each) => (
          <button type="button" key={each.name} class="qx-tab" aria-pressed={each === device} onClick={() => setName(each.name)}>
            <span class="qx-name">
              <i class="qx-dot" style={{ background: each.colour }} />
              <span>{each.name}</span>
            </span>
            <span class="qx-quiet">{each.about}</span>
          </button>
        ))}
      </div>
      <DeviceView key={device.name} device={device} />
    </article>
  );
}

const colours = (data: Backends): Record<string, string> =>
  Object.fromEntries(data.devices.map((each) => [each.name, each.colour]));

function DeviceView({ device }: { device: Device }) {
  const known = QUBITS.filter((q) => device.qubits.some((qubit) => qubit[q.key] !== undefined));
  const [key, setKey] = useState(known[0]?.key ?? "readout");
  const [qubit, setQubit] = useState(0);
  const [pairs, showPairs] = useState(false);
  const id = useUnique();
  const by = QUBITS.find((q) => q.key === key)!;
  const [hasQubits, hasPairs] = [known.length > 0, device.pairs.some((p) => p.error !== undefined || p.gate_s !== undefined)];
  return (
    <section class="qx-device" aria-label={device.name}>
      <p class="qx-row qx-facts">
        <strong>{device.name}</strong>
        {device.calibrated && <span class="qx-quiet">{`calibrated ${device.calibrated}`}</span>}
        <span class="qx-quiet">{device.note}</span>
      </p>
      <div class={device.places.length > LARGE ? "qx-two qx-stacked" : "qx-two"}>
        {device.places.length > 0 && (
          <div>
            {hasQubits && (
              <p class="qx-row">
                <label for={id}>Colour qubits by</label>
                <select id={id} value={key} onChange={(event) => setKey(event.currentTarget.value as typeof key)}>
                  {known.map((q) => (
                    <option key={q.key} value={q.key}>{q.name}</option>
                  ))}
                </select>
              </p>
            )}
            <CouplingMap device={device} by={by} chosen={qubit} choose={setQubit} />
            <p class="qx-told" aria-live="polite">{describe(device, qubit)}</p>
          </div>
        )}
        {(hasQubits || hasPairs) && (
          <div class="qx-tables">
            <div class="qx-row" role="group" aria-label="Table">
              {hasQubits && <button type="button" class="qx-chip" aria-pressed={!pairs} onClick={() => showPairs(false)}>{`Qubits ${device.qubits.length}`}</button>}
              {hasPairs && <button type="button" class="qx-chip" aria-pressed={pairs || !hasQubits} onClick={() => showPairs(true)}>{`Couplings ${device.pairs.length}`}</button>}
            </div>
            {pairs || !hasQubits ? (
              <SortedTable
                key="pairs"
                rows={device.pairs}
                columns={pairColumns(device)}
                label={`Couplings of ${device.name}`}
                marked={(pair) => pair.a === qubit || pair.b === qubit}
              />
            ) : (
              <SortedTable
                key="qubits"
                rows={device.qubits.map((each, i) => ({ ...each, i }))}
                columns={qubitColumns(device)}
                label={`Qubits of ${device.name}`}
                marked={(row) => row.i === qubit}
                choose={(row) => setQubit(row.i)}
              />
            )}
          </div>
        )}
      </div>
    </section>
  );
}

type Numbered = Qubit & { i: number };

function qubitColumns(device: Device): Column<Numbered>[] {
  const gate = device.one_qubit_gate;
  const titles: Record<string, string> = gate ? { error: `${gate} error`, gate_s: `${gate} time` } : {};
  const known = QUBITS.filter((q) => device.qubits.some((qubit) => qubit[q.key] !== undefined));
  return [
    { title: "qubit", value: (row) => row.i, text: (row) => String(row.i) },
    ...known.map((q): Column<Numbered> => ({
      title: titles[q.key] ?? q.name,
      unit: q.unit,
      value: (row) => row[q.key],
      text: (row) => bare(q, row[q.key]),
    })),
  ];
}

function pairColumns(device: Device): Column<Pair>[] {
  const gate = device.two_qubit_gate;
  return [
    { title: "coupling", value: (pair) => pair.a * 1e5 + pair.b, text: (pair) => `${pair.a}–${pair.b}` },
    ...PAIRS.map((q): Column<Pair> => ({
      title: gate ? `${gate} ${q.name.replace("gate ", "")}` : q.name,
      unit: q.unit,
      value: (pair) => pair[q.key],
      text: (pair) => (q.key === "error" && !usable(pair.error) ? "out of use" : bare(q, pair[q.key])),
    })),
  ];
}

interface ChoiceProps {
  choice: NonNullable<Backends["choice"]>;
  colours: Record<string, string>;
  chosen: string;
  choose: (name: string) => void;
}

function Choice({ choice, colours: of, chosen, choose }: ChoiceProps) {
  return (
    <section class="qx-choice" aria-label={choice.title}>
      <h3>{choice.title}</h3>
      <p>{choice.sentence}</p>
      <div class="qx-scroll" tabIndex={0} role="region" aria-label="Backends to choose from">
        <table class="qx-table">
          <thead>
            <tr>
              {["backend", "cost", "time", "of it waiting", "success"].map((title) => <th key={title} scope="col">{title}</th>)}
            </tr>
          </thead>
          <tbody>
            {choice.candidates.map((each) => (
              <CandidateRow key={each.backend} each={each} colour={of[each.backend]} chosen={each.backend === chosen} choose={choose} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

interface RowProps {
  each: Candidate;
  colour: string | undefined;
  chosen: boolean;
  choose: (name: string) => void;
}

function CandidateRow({ each, colour, chosen, choose }: RowProps) {
  const success = each.success_value;
  return (
    <tr class={chosen ? "qx-open" : ""}>
      <th scope="row">
        <i class="qx-dot" style={{ background: colour }} />
        <button type="button" class="qx-link" onClick={() => choose(each.backend)}>{each.backend}</button>
        {each.front && <span title="No other is as good in all and better in one"> ★<span class="qx-hidden"> on the Pareto front</span></span>}
      </th>
      {each.ruled_out ? (
        <td colSpan={4} class="qx-quiet">{`ruled out by ${each.ruled_out}`}</td>
      ) : (
        <>
          <td>{each.cost}</td>
          <td>{each.time}</td>
          <td>{each.wait}</td>
          <td>
            {success !== null && (
              <span class="qx-bar qx-inline" aria-hidden="true">
                <span class="qx-part qx-part-whole" style={{ width: percent(success).replace(" ", ""), "--qf-tone": colour } as never} />
              </span>
            )}
            {each.success}
          </td>
        </>
      )}
    </tr>
  );
}

