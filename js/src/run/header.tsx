import { useEffect, useState } from "preact/hooks";
import { BudgetBar } from "./budget";
import { announcement, duration } from "./format";
import { StateIcon } from "../shared/icons";
import { type Message, type Snapshot, ended } from "./model";

interface Props {
  run: Snapshot;
  lost: boolean;
  send: (message: Message) => void;
  detachable: boolean;
}

export function Header({ run, lost, send, detachable }: Props) {
  const over = ended(run) || lost;
  const seconds = run.cost.machine_s;
  const state = run.paused && !over ? "paused" : run.state;
  return (
    <header class="qf-header">
      <h3 class="qf-name">{run.name}</h3>
      <span class={`qf-state qf-is-${state}`}>
        <StateIcon state={state} />
        {state}
      </span>
      <Elapsed run={run} ticking={!over} />
      {seconds > 0 && (
        <span class="qf-cost" title="Seconds in which workers were busy with this run">
          {duration(seconds)} machine time
        </span>
      )}
      {run.cost.budget ? (
        <BudgetBar budget={run.cost.budget} />
      ) : (
        run.cost.money && (
          <span class="qf-cost" title="What jobs have cost so far">
            {run.cost.money}
          </span>
        )
      )}
      {run.trouble && (
        <span class="qf-state qf-is-partial">
          <StateIcon state="partial" />
          {run.trouble}
        </span>
      )}
      <Buttons over={over} paused={run.paused ?? false} send={send} detachable={detachable} />
      <span class="qf-hidden" role="status">
        {announcement(run)}
      </span>
    </header>
  );
}

/** Counts on between two messages from the kernel. */
function Elapsed({ run, ticking }: { run: Snapshot; ticking: boolean }) {
  const [received, setReceived] = useState(() => performance.now());
  const [now, setNow] = useState(received);
  useEffect(() => {
    setReceived(performance.now());
    setNow(performance.now());
  }, [run.elapsed, run.state]);
  useEffect(() => {
    if (!ticking) return;
    const timer = setInterval(() => setNow(performance.now()), 200);
    return () => clearInterval(timer);
  }, [ticking]);
  const since = ticking ? Math.max(now - received, 0) / 1000 : 0;
  return <span class="qf-elapsed">{duration(run.elapsed + since)}</span>;
}

interface ButtonProps extends Pick<Props, "send" | "detachable"> {
  over: boolean;
  paused: boolean;
}

function Buttons({ over, paused, send, detachable }: ButtonProps) {
  const [detached, setDetached] = useState(false);
  const [cancelling, setCancelling] = useState(false);
  const detach = () => {
    setDetached(true);
    send({ type: "detach" });
  };
  const cancel = () => {
    setCancelling(true);
    send({ type: "cancel" });
  };
  return (
    <span class="qf-buttons">
      <button
        type="button"
        class="qf-button"
        disabled={over || cancelling}
        onClick={() => send({ type: paused ? "resume" : "pause" })}
        title={paused ? "Let what waits start" : "Let nothing more start; what runs goes on"}
      >
        {paused && !over ? "Resume" : "Pause"}
      </button>
      {detachable && (
        <button
          type="button"
          class="qf-button"
          disabled={over || detached || cancelling}
          onClick={detach}
          title="Free the notebook; the run goes on"
        >
          {detached && !over ? "Detached" : "Detach"}
        </button>
      )}
      <button
        type="button"
        class="qf-button qf-danger"
        disabled={over || cancelling}
        onClick={cancel}
        title="Stop the run; what is done stays"
      >
        {cancelling && !over ? "Cancelling…" : "Cancel"}
      </button>
    </span>
  );
}
