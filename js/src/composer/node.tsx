import { Bar } from "../run/bar";
import { Status } from "../run/node";
import type { Step as LiveStep } from "../run/model";
import { Glyph, KindIcon } from "../shared/icons";
import type { Box, Direction } from "../shared/layout";
import { type Desk, useDesk } from "./desk";
import type { Step } from "./model";
import { type Arrow, STEPS, isArrow } from "./placement";
import { amount, size, spoken, where } from "./words";

/** Pixels that Shift and an arrow key move a step. */
const NUDGE = 16;

interface Actions {
  connectFrom: (step: string) => void;
  connect: (to: string) => void;
  dragNode: (step: string, event: PointerEvent) => void;
  dragPort: (step: string, event: PointerEvent) => void;
  walk: (step: string, arrow: Arrow) => void;
  put: (step: string, x: number, y: number) => void;
  stop: () => void;
}

interface Props {
  step: Step;
  box: Box;
  direction: Direction;
  compact: boolean;
  live: LiveStep | undefined;
  /** While a connection is made: it starts here, may end here, or may not. */
  role: "from" | "open" | "shut" | null;
  on: Actions;
}

export function StepNode({ step, box, direction, compact, live, role, on }: Props) {
  const desk = useDesk();
  const chosen = desk.selected !== null && "step" in desk.selected && desk.selected.step === step.name;
  const press = () => {
    if (role === "open") on.connect(step.name);
    else if (role !== null) on.stop();
    else desk.select({ step: step.name });
  };
  const classes = [
    "qf-node qfc-node",
    `qf-kind-${step.kind}`,
    live && live.state !== "waiting" ? `qf-is-${live.state}` : "",
    step.problem ? "qfc-wrong" : "",
    compact ? "qf-compact" : "",
    role ? `qfc-${role}` : "",
  ];
  const spot = { left: `${box.x}px`, top: `${box.y}px`, width: `${box.width}px`, height: `${box.height}px` };
  return (
    <div class={`qfc-spot qfc-${direction}`} style={spot}>
      <button
        type="button"
        class={classes.filter(Boolean).join(" ")}
        aria-label={spoken(step)}
        aria-pressed={chosen}
        aria-keyshortcuts="C Delete"
        aria-disabled={role === "shut"}
        data-step={step.name}
        onClick={press}
        onPointerDown={(event) => event.button === 0 && role === null && on.dragNode(step.name, event)}
        onKeyDown={(event) => keys(event, step, box, on, desk)}
      >
        <span class="qf-row">
          <KindIcon kind={step.kind} />
          <span class="qf-title">{step.name}</span>
        </span>
        {!compact && (
          <span class="qf-what">
            <span class="qf-sub" title={where(step)}>{where(step)}</span>
            {step.dims.length > 0 && <span class="qf-sub" title={size(step)}>{size(step)}</span>}
          </span>
        )}
        {live ? <Progress live={live} /> : <Foot step={step} />}
      </button>
      <button
        type="button"
        class="qfc-port"
        tabIndex={-1}
        aria-label={`Connect ${step.name} to another step`}
        title="Drag to the step that takes this value"
        onClick={() => on.connectFrom(step.name)}
        onPointerDown={(event) => event.button === 0 && on.dragPort(step.name, event)}
      />
    </div>
  );
}

function keys(event: KeyboardEvent, step: Step, box: Box, on: Actions, desk: Desk): void {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (isArrow(event.key)) {
    const [dx, dy] = STEPS[event.key];
    if (event.shiftKey) on.put(step.name, box.x + NUDGE * dx, box.y + NUDGE * dy);
    else on.walk(step.name, event.key);
  } else if (event.key.toLowerCase() === "c") {
    on.connectFrom(step.name);
  } else if (event.key === "Delete" || event.key === "Backspace") {
    desk.edit({ do: "remove", step: step.name });
    document.activeElement?.closest<HTMLElement>("[data-qfc-canvas]")?.focus();
  } else {
    return;
  }
  event.preventDefault();
}

function Foot({ step }: { step: Step }) {
  return (
    <span class="qf-row qf-foot">
      {step.problem ? (
        <span class="qf-state qf-is-failed" title={step.problem}>
          <Glyph name="warn" />
          problem
        </span>
      ) : (
        <span />
      )}
      <span class="qf-number">{amount(step)}</span>
    </span>
  );
}

function Progress({ live }: { live: LiveStep }) {
  return (
    <span class="qfc-progress">
      <Bar step={live} />
      <span class="qf-row qf-foot">
        <Status step={live} />
        <span class="qf-number">{`${live.counts["done"] ?? 0}/${live.total}`}</span>
      </span>
    </span>
  );
}
