import { useEffect, useRef, useState } from "preact/hooks";
import { Details } from "./details";
import { Graph } from "./graph";
import { Header } from "./header";
import { keepKeys } from "../shared/keys";
import { Metrics } from "./metrics";
import { type Message, type Snapshot, ended } from "./model";

const GONE = "The kernel has gone. This is the last it told.";
/** Seconds without a word from a kernel that has a run going on. */
const SILENT = 10;

interface Props {
  run: Snapshot;
  /** True when the kernel that owns the run has gone. */
  lost: boolean;
  send: (message: Message) => void;
  /** False where no cell waits for the run, so that there is nothing to free. */
  detachable?: boolean;
}

export function RunView({ run, lost, send, detachable = true }: Props) {
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
  const message = lost && !ended(run) ? GONE : (silence ?? run.message);
  return (
    <article class="qf-widget qf-run" aria-label={`Run of ${run.name}`} onKeyDown={keepKeys}>
      <Header run={run} lost={lost} send={send} detachable={detachable} />
      {message && <p class={`qf-message qf-is-${lost ? "failed" : run.state}`}>{message}</p>}
      <Graph run={run} chosen={chosen} choose={choose} />
      {step && (
        <Details
          step={step}
          live={!lost && !ended(run)}
          close={close}
          send={send}
        />
      )}
      <Metrics metrics={run.metrics} />
    </article>
  );
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
