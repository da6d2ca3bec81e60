import { Estimates } from "./estimates";
import { Histogram } from "./histogram";
import { Metrics } from "./metrics";
import type { Results as Shown, Snapshot, Step } from "./model";
import { Status } from "./node";

/** The latest results of one step. */
export function StepResults({ step, colours }: { step: Step; colours: Record<string, string> }) {
  const shown = step.results;
  if (!shown) return null;
  return (
    <div class="qf-results">
      {"counts" in shown
        ? shown.counts.map((each, i) => <Histogram key={i} shown={each} colour={colours[each.backend ?? ""]} />)
        : <Estimates shown={shown} step={step} colours={colours} />}
    </div>
  );
}

/** What every step has by now, and what it has logged. */
export function ResultsPanel({ run }: { run: Snapshot }) {
  const logged = (step: Step) => run.metrics.filter((metric) => metric.step === step.name);
  const steps = run.steps.filter((step) => step.results || logged(step).length > 0);
  if (steps.length === 0) return <p class="qf-empty">No step has numbers to draw yet.</p>;
  return (
    <>
      {steps.map((step) => (
        <section key={step.name} class="qf-section" aria-label={`Results of step ${step.name}`}>
          <div class="qf-row">
            <h4 class="qf-title">{step.name}</h4>
            <Status step={step} />
            <span class="qf-sub">{note(step.results)}</span>
          </div>
          <StepResults step={step} colours={run.colours ?? {}} />
          <Metrics metrics={logged(step)} />
        </section>
      ))}
    </>
  );
}

/** What the whiskers mean. */
export function note(shown: Shown | null | undefined): string {
  if (!shown) return "";
  if ("counts" in shown) return shown.counts.length ? "latest points, 95 % Wilson intervals" : "";
  const some = shown.series.some((line) => line.values.some(([, , error]) => error !== null));
  return some ? "bars are standard errors" : "";
}
