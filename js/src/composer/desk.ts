// What every part of the composer shares: what the kernel told, and how to answer.
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Message, Op, Places, Refused } from "./model";
import type { Told } from "./read";

export type Selection = { step: string } | { edge: [string, string] } | null;

/** What fills the middle: the graph, the text, or one way of making a circuit. */
export type Stage =
  | { show: "graph" }
  | { show: "text"; editing: boolean }
  | { show: "gates"; step: string | null }
  | { show: "qasm"; step: string | null };

export interface Desk extends Told {
  refused: Refused | null;
  /** True when the kernel has gone: all can be read, nothing changed. */
  lost: boolean;
  /** True when something was asked and nothing came back for a while. */
  silent: boolean;
  selected: Selection;
  stage: Stage;
  edit: (op: Op) => void;
  /** What was refused is out of date: it is being typed anew, or was given up. */
  forgive: () => void;
  send: (message: Message) => void;
  select: (what: Selection) => void;
  setStage: (stage: Stage) => void;
  setPlaces: (places: Places) => void;
  /** Where the step that the next edit makes shall stand. */
  dropAt: (place: [number, number]) => void;
}

const Context = createContext<Desk | null>(null);
export const DeskProvider = Context.Provider;

export function useDesk(): Desk {
  const desk = useContext(Context);
  if (!desk) throw new Error("part of the composer outside of it");
  return desk;
}

export const selectedStep = (desk: Desk) => {
  const { selected } = desk;
  if (!selected || !("step" in selected)) return undefined;
  return desk.cell.steps.find((step) => step.name === selected.step);
};

/** The one line with which the kernel refused an edit of this sort, or null. */
export function refusal(desk: Desk, same: (op: Op) => boolean): string | null {
  return desk.refused && same(desk.refused.op) ? desk.refused.message : null;
}
