import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import { useUnique } from "../shared/ids";

export interface Tab<Name extends string> {
  name: Name;
  /** What stands on it. */
  label: string;
  /** How much there is behind it, if that is worth a word. */
  count?: number;
}

interface Props<Name extends string> {
  label: string;
  tabs: readonly Tab<Name>[];
  chosen: Name;
  choose: (name: Name) => void;
  children: ComponentChildren;
}

const MOVES: Record<string, (at: number, length: number) => number> = {
  ArrowRight: (at, length) => (at + 1) % length,
  ArrowLeft: (at, length) => (at + length - 1) % length,
  Home: () => 0,
  End: (_, length) => length - 1,
};

/** Tabs over one panel. Tab reaches the chosen one, arrow keys the others. */
export function Tabs<Name extends string>({ label, tabs, chosen, choose, children }: Props<Name>) {
  const id = useUnique();
  const list = useRef<HTMLDivElement>(null);
  const move = (event: KeyboardEvent) => {
    const to = MOVES[event.key]?.(tabs.findIndex((tab) => tab.name === chosen), tabs.length);
    const next = to === undefined ? undefined : tabs[to];
    if (!next) return;
    event.preventDefault();
    event.stopPropagation();
    choose(next.name);
    list.current?.querySelector<HTMLElement>(`[data-tab="${next.name}"]`)?.focus();
  };
  return (
    <>
      <div class="qf-tabs" role="tablist" aria-label={label} ref={list} onKeyDown={move}>
        {tabs.map((tab) => (
          <button
            key={tab.name}
            type="button"
            role="tab"
            class="qf-tab"
            id={`${id}-${tab.name}`}
            data-tab={tab.name}
            aria-selected={tab.name === chosen}
            aria-controls={`${id}-panel`}
            tabIndex={tab.name === chosen ? 0 : -1}
            onClick={() => choose(tab.name)}
          >
            {tab.label}
            {tab.count ? <span class="qf-number">{tab.count}</span> : null}
          </button>
        ))}
      </div>
      <div
        class="qf-panel"
        role="tabpanel"
        id={`${id}-panel`}
        aria-labelledby={`${id}-${chosen}`}
        tabIndex={chosen === "graph" ? undefined : 0}
      >
        {children}
      </div>
    </>
  );
}
