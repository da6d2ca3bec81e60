import { Glyph, KindIcon } from "../shared/icons";
import { CodeEditor } from "./code-editor";
import { refusal, useDesk } from "./desk";
import { trimmed, useDraft } from "./draft";
import { Field } from "./field";
import type { Option, Step } from "./model";
import { Needs } from "./needs";
import { Tool } from "./zoom-bar";

/** Options that are always offered; the others stand behind "more". */
const USUAL = new Set(["backend", "shots", "precision"]);

export function StepInspector({ step }: { step: Step }) {
  const desk = useDesk();
  const at = mentioned(step);
  const usual = step.options.filter((one) => one.text !== null || USUAL.has(one.name));
  const more = step.options.filter((one) => !usual.includes(one));
  return (
    <>
      <button type="button" class="qfc-back" onClick={() => desk.select(null)}>
        <Glyph name="back" />
        Workflow
      </button>
      <div class="qfc-inspected">
        <KindIcon kind={step.kind} />
        <Name step={step} />
        <Tool
          glyph="trash"
          name={`Remove ${step.name}`}
          disabled={desk.lost}
          press={() => desk.edit({ do: "remove", step: step.name })}
        />
      </div>
      <p class="qfc-kindline">
        {step.kind === "step" ? "Python" : step.kind} step{step.line > 0 && `, line ${step.line}`}
      </p>
      {step.problem && at === null && (
        <p class="qfc-refused">{step.problem}</p>
      )}
      {step.kind === "circuit" && <CircuitTools step={step} />}
      <Needs step={step} />
      {step.options.length > 0 && (
        <section class="qfc-part" aria-label="Options">
          <h4 class="qfc-heading">Options</h4>
          {usual.map((option) => (
            <OptionField key={option.name} step={step} option={option} problem={at === option.name ? step.problem : null} />
          ))}
          {more.length > 0 && (
            <details class="qfc-more" open={at !== null && more.some((one) => one.name === at)}>
              <summary>{more.length} more</summary>
              {more.map((option) => (
                <OptionField key={option.name} step={step} option={option} problem={at === option.name ? step.problem : null} />
              ))}
            </details>
          )}
        </section>
      )}
      <CodeEditor step={step} />
    </>
  );
}

/** The option that the step's problem is about, if it names one. */
function mentioned(step: Step): string | null {
  const { problem } = step;
  if (!problem) return null;
  const named = step.options.filter((one) => new RegExp(`\\b${one.name}\\b`).test(problem));
  return (named.find((one) => one.text !== null) ?? named[0])?.name ?? null;
}

function Name({ step }: { step: Step }) {
  const desk = useDesk();
  const draft = useDraft(step.name, (to) => desk.edit({ do: "rename", step: step.name, to }), trimmed);
  const refused = refusal(desk, (op) => op.do === "rename" && op.step === step.name);
  return (
    <span class="qfc-titlebox">
      <input
        class="qfc-title"
        aria-label="Name of the step"
        spellcheck={false}
        readOnly={desk.lost}
        aria-invalid={refused !== null}
        {...draft.input}
      />
      {refused && <span class="qfc-refused" role="alert">{refused}</span>}
    </span>
  );
}

function CircuitTools({ step }: { step: Step }) {
  const { setStage, lost } = useDesk();
  return (
    <p class="qfc-with">
      {step.gates && (
        <button type="button" class="qf-button" disabled={lost} onClick={() => setStage({ show: "gates", step: step.name })}>
          Edit gates
        </button>
      )}
      <button type="button" class="qf-button" disabled={lost} onClick={() => setStage({ show: "qasm", step: step.name })}>
        Replace by OpenQASM
      </button>
    </p>
  );
}

function OptionField({ step, option, problem }: { step: Step; option: Option; problem: string | null }) {
  const desk = useDesk();
  const refused = refusal(
    desk,
    (op) => op.do === "option" && op.step === step.name && op.name === option.name,
  );
  return (
    <Field
      {...option}
      choices={option.choices}
      problem={refused ?? problem}
      disabled={desk.lost}
      send={(text) => desk.edit({ do: "option", step: step.name, name: option.name, text })}
    />
  );
}
