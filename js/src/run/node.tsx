import { Bar } from "./bar";
import { dims, duration, sentence, taken } from "./format";
import { KindIcon, StateIcon } from "../shared/icons";
import type { Box } from "../shared/layout";
import { type Input, type Step, tally } from "./model";

interface Props {
  step: Step;
  box: Box;
  compact: boolean;
  chosen: boolean;
  choose: () => void;
}

export function StepNode({ step, box, compact, chosen, choose }: Props) {
  const number = <span class="qf-number">{`${tally(step).done}/${step.total}`}</span>;
  return (
    <button
      type="button"
      class={`qf-node qf-kind-${step.kind} qf-is-${step.state}${compact ? " qf-compact" : ""}`}
      style={at(box)}
      aria-label={sentence(step)}
      aria-expanded={chosen}
      data-step={step.name}
      onClick={choose}
    >
      <span class="qf-row">
        <KindIcon kind={step.kind} />
        <span class="qf-title">{step.name}</span>
      </span>
      {!compact && <What step={step} />}
      <span class="qf-row qf-progress">
        <Bar step={step} />
        {!compact && number}
      </span>
      <span class="qf-row qf-foot">
        <Status step={step} />
        {compact ? number : <span class="qf-number">{duration(step.seconds)}</span>}
      </span>
    </button>
  );
}

function What({ step }: { step: Step }) {
  const size = dims(step);
  const where = step.backend ? `${step.kind} · ${step.backend}` : step.kind;
  return (
    <span class="qf-what">
      <span class="qf-sub" title={where}>
        {where}
      </span>
      {size && (
        <span class="qf-sub" title={size}>
          {size}
        </span>
      )}
    </span>
  );
}

export function Status({ step }: { step: Step }) {
  const source = taken(step);
  const whole = step.state === "done" ? /^(kept|cached)/.exec(source)?.[0] : undefined;
  const phase = step.state === "running" && step.phase ? step.phase : (whole ?? step.state);
  return (
    <span class={`qf-state qf-is-${step.state}`} title={source || undefined}>
      <StateIcon state={step.state} />
      {phase}
    </span>
  );
}

export function InputNode({ input, box }: { input: Input; box: Box }) {
  return (
    <span class="qf-input" style={at(box)} title={`${input.name}: ${input.summary}`}>
      <KindIcon kind="input" />
      <span class="qf-title">{input.name}</span>
    </span>
  );
}

const at = (box: Box) => ({
  left: `${box.x}px`,
  top: `${box.y}px`,
  width: `${box.width}px`,
  height: `${box.height}px`,
});
