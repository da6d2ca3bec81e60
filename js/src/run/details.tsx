import { useLayoutEffect, useRef } from "preact/hooks";
import { dims, duration, taken } from "./format";
import { Metrics } from "./metrics";
import { type Message, type Metric, type Step } from "./model";
import { Status } from "./node";
import { StepResults, note } from "./results";

interface Props {
  step: Step;
  /** What the step has logged. */
  metrics?: Metric[];
  live: boolean;
  colours?: Record<string, string>;
  close: () => void;
  send: (message: Message) => void;
}

/** Everything known of one step, under the graph. */
export function Details({ step, metrics = [], live, colours = {}, close, send }: Props) {
  const panel = useRef<HTMLElement>(null);
  useLayoutEffect(() => panel.current?.focus(), [step.name]);
  const active = live && (step.state === "running" || step.state === "waiting");
  return (
    <section
      class="qf-details"
      ref={panel}
      tabIndex={-1}
      aria-label={`Details of step ${step.name}`}
      onKeyDown={(event) => event.key === "Escape" && close()}
    >
      <div class="qf-row">
        <h4 class="qf-title">{step.name}</h4>
        <Status step={step} />
        <span class="qf-buttons">
          {active && (
            <button
              type="button"
              class="qf-button qf-danger"
              onClick={() => send({ type: "cancel", step: step.name })}
            >
              Cancel step
            </button>
          )}
          <button type="button" class="qf-button" onClick={close} aria-label="Close details">
            Close
          </button>
        </span>
      </div>
      <dl class="qf-facts">
        {facts(step).map(([term, value]) => (
          <div key={term}>
            <dt>{term}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {step.error && <pre class="qf-error">{step.error}</pre>}
      {step.traceback && (
        <details class="qf-traceback">
          <summary>Traceback</summary>
          <pre class="qf-error">{step.traceback}</pre>
        </details>
      )}
      {step.results && <p class="qf-sub">{note(step.results)}</p>}
      <StepResults step={step} colours={colours} />
      <Metrics metrics={metrics} />
    </section>
  );
}

function facts(step: Step): [string, string][] {
  const points = Object.entries(step.counts)
    .filter(([, n]) => n > 0)
    .map(([state, n]) => `${n} ${state}`);
  const all: [string, string][] = [
    ["kind", step.kind],
    ["backend", step.backend ?? ""],
    ["needs", [...step.needs, ...step.inputs].join(", ")],
    ["axes", dims(step)],
    ["points", `${points.join(", ") || "none yet"} of ${step.total}`],
    ["jobs", step.jobs > 0 ? String(step.jobs) : ""],
    ["calls", step.calls === null ? "" : String(step.calls)],
    ["taken from", taken(step)],
    ["time", duration(step.seconds)],
  ];
  return all.filter(([, value]) => value !== "");
}
