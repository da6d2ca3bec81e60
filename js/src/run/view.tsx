import { useEffect, useRef, useState } from "preact/hooks";
import { Details } from "./details";
import { EventsPanel } from "./events";
import { Gantt } from "./gantt";
import { Graph } from "./graph";
import { Header } from "./header";
import { keepFocus, keepKeys } from "../shared/keys";
import { Metrics } from "./metrics";
import { type Message, type Snapshot, ended } from "./model";
import { ResultsPanel } from "./results";
import { type Tab, Tabs } from "./tabs";

const GONE = "The kernel has gone. This is the last it told.";
/** Seconds without a word from a kernel that has a run going on. */
const SILENT = 10;

type Name = "graph" | "timeline" | "results" | "events";

const tabsOf = (run: Snapshot): Tab<Name>[] => [
  { name: "graph", label: "Graph" },
  { name: "timeline", label: "Timeline" },
  { name: "results", label: "Results" },
  { name: "events", label: "Events", count: run.events?.length ?? 0 },
];

interface Props {
  run: Snapshot;
  /** True when the kernel that owns the run has gone. */
  lost: boolean;
  send: (message: Message) => void;
  /** False where no cell waits for the run, so that there is nothing to free. */
  detachable?: boolean;
}

export function RunView({ run, lost, send, detachable = true }: Props) {
  const [tab, setTab] = useState<Name>("graph");
  const [chosen, setChosen] = useState<string | null>(null);
  const step = run.steps.find((s) => s.name === chosen);
  const opener = useRef<Element | null>(null);
  const choose = (name: string) => {
    opener.current = document.activeElement;
    setChosen(name === chosen ? null : name);
  };
  const close = () => {
    setChosen(null);
    if (opener.current instanceof HTMLElement) opener.current.focus();
  };
  const silence = useSilence(run, !lost && !ended(run));
  const message = lost && !ended(run) ? GONE : (silence ?? run.message ?? whyEnded(run));
  return (
    <article class="qf-widget qf-run" aria-label={`Run of ${run.name}`} onKeyDown={keepKeys} onFocusCapture={keepFocus}>
      <Header run={run} lost={lost} send={send} detachable={detachable} />
      {message && <p class={`qf-message qf-is-${lost ? "failed" : run.state}`}>{message}</p>}
      {run.omitted && run.omitted.length > 0 && (
        <p class="qf-message" role="note">{`Not shown, to keep this view quick: ${run.omitted.join(", ")}.`}</p>
      )}
      <Tabs label={`Views of ${run.name}`} tabs={tabsOf(run)} chosen={tab} choose={setTab}>
        {tab === "graph" && <Graph run={run} chosen={chosen} choose={choose} />}
        {tab === "timeline" && <Gantt run={run} chosen={chosen} choose={choose} />}
        {tab === "results" && <ResultsPanel run={run} />}
        {tab === "events" && <EventsPanel run={run} />}
        {step && (tab === "graph" || tab === "timeline") && (
          <Details
            step={step}
            metrics={run.metrics.filter((metric) => metric.step === step.name)}
            live={!lost && !ended(run)}
            colours={run.colours ?? {}}
            close={close}
            send={send}
          />
        )}
        {tab === "graph" && (
          <Metrics metrics={run.metrics.filter((metric) => metric.step !== step?.name)} />
        )}
      </Tabs>
    </article>
  );
}

/** What the first step that has an error says, once the run has ended. */
function whyEnded(run: Snapshot): string | null {
  const step = ended(run) ? run.steps.find((each) => each.error) : undefined;
  return step ? `${step.name}: ${step.error}` : null;
}

/** A kernel that was killed says nothing, and no event tells of it. */
function useSilence(run: Snapshot, expected: boolean): string | null {
  const [silent, setSilent] = useState(false);
  useEffect(() => {
    setSilent(false);
    if (!expected) return;
    const timer = setTimeout(() => setSilent(true), SILENT * 1000);
    return () => clearTimeout(timer);
  }, [run, expected]);
  return silent ? `No word from the kernel for over ${SILENT} s: it is busy, or gone.` : null;
}
