import { selectedStep, useDesk } from "./desk";
import { StepInspector } from "./step-inspector";
import { WorkflowInspector } from "./workflow-inspector";

/** Everything about the selected step, or about the workflow when none is. */
export function Inspector() {
  const desk = useDesk();
  const step = selectedStep(desk);
  return (
    <section class="qfc-inspector" aria-label={step ? `Step ${step.name}` : "Workflow"}>
      {step ? <StepInspector key={step.name} step={step} /> : <WorkflowInspector />}
    </section>
  );
}
