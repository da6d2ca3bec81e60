import { useEffect, useRef, useState } from "preact/hooks";
import { keepFocus, keepKeys } from "../shared/keys";
import { type Desk, DeskProvider, type Selection, type Stage } from "./desk";
import { Inspector } from "./inspector";
import type { Message, Op, Places, Refused } from "./model";
import { Palette } from "./palette";
import { Problems } from "./problems";
import { QuotePanel } from "./quote";
import type { Told } from "./read";
import { LiveRun } from "./live";
import { change } from "./shape";
import { StageView } from "./stage";
import { Toolbar } from "./toolbar";

interface Props {
  told: Told;
  refused: Refused | null;
  lost: boolean;
  silent: boolean;
  send: (message: Message) => void;
  edit: (op: Op) => void;
  forgive: () => void;
  setPlaces: (places: Places) => void;
}

export function ComposerView({ told, refused, lost, silent, send, edit, forgive, setPlaces }: Props) {
  const [selected, select] = useState<Selection>(null);
  const [stage, setStage] = useState<Stage>({ show: "graph" });
  const spot = useRef<[number, number] | null>(null);
  const ours = useRef(false);
  const { cell, places } = told;

  const before = useRef(cell.steps);
  useEffect(() => {
    const { added, renamed } = change(before.current, cell.steps);
    before.current = cell.steps;
    if (renamed) follow(renamed);
    if (ours.current) setStage({ show: "graph" });
    if (added.length === 1 && ours.current) welcome(added[0]!);
    ours.current = false;
    spot.current = null;
  }, [cell.revision]);

  /** A step that has changed its name stays selected, and where it was. */
  const follow = ([from, to]: [string, string]) => {
    if (selected && "step" in selected && selected.step === from) select({ step: to });
    const { [from]: place, ...others } = places;
    if (place) setPlaces({ ...others, [to]: place });
  };
  /** A step made here is selected, and stands where it was dropped. */
  const welcome = (name: string) => {
    select({ step: name });
    if (spot.current) setPlaces({ ...places, [name]: spot.current });
  };

  const desk: Desk = {
    ...told,
    refused,
    lost,
    silent,
    selected: still(selected, told),
    stage,
    select: (what) => {
      forgive();
      select(what);
    },
    setStage: (to) => {
      forgive();
      setStage(to);
    },
    setPlaces,
    send: (message) => !lost && send(message),
    forgive,
    edit: (op) => {
      if (lost) return;
      ours.current = op.do === "add" || op.do === "circuit";
      edit(op);
    },
    dropAt: (place) => (spot.current = place),
  };
  return (
    <DeskProvider value={desk}>
      <article
        class={`qf-widget qf-composer${lost ? " qfc-lost" : ""}`}
        aria-label={`Composer of ${cell.name || "a new workflow"}`}
onFocusCapture={keepFocus}
        onKeyDown={(event) => {
          history(event, desk);
          keepKeys(event);
        }}
      >
        <Toolbar />
        <Problems />
        <div class={`qfc-body qfc-shows-${stage.show}`}>
          <Palette />
          <StageView fresh={cell.ran} />
          {stage.show === "graph" && <Inspector />}
        </div>
        <QuotePanel />
        <LiveRun fresh={cell.ran} />
      </article>
    </DeskProvider>
  );
}

/** What is selected, if it is still there. */
function still(selected: Selection, { cell }: Told): Selection {
  if (!selected) return null;
  if ("step" in selected) {
    return cell.steps.some((step) => step.name === selected.step) ? selected : null;
  }
  const [from, to] = selected.edge;
  return cell.steps.some((s) => s.name === to && s.edges.includes(from)) ? selected : null;
}

/** Ctrl+Z and Ctrl+Shift+Z; text that is being typed has an undo of its own. */
function history(event: KeyboardEvent, desk: Desk): void {
  if (!(event.ctrlKey || event.metaKey) || event.altKey || event.defaultPrevented) return;
  if (event.target instanceof Element && event.target.closest("textarea, input:not([type=range])")) return;
  const key = event.key.toLowerCase();
  const redo = key === "y" || (key === "z" && event.shiftKey);
  if (!redo && key !== "z") return;
  event.preventDefault();
  if (redo && desk.cell.can_redo) desk.send({ type: "redo" });
  if (!redo && desk.cell.can_undo) desk.send({ type: "undo" });
}
