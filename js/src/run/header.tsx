import { useEffect, useState } from "preact/hooks";
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
  return (
    <header class="qf-header">
      <h3 class="qf-name">{run.name}</h3>
      <span class={`qf-state qf-is-${run.state}`}>
        <StateIcon state={run.state} />
        {run.state}
      </span>
      <Elapsed run={run} ticking={!over} />
      {seconds > 0 && (
        <span class="qf-cost" title="Seconds in which workers were busy with this run">
          {duration(seconds)} machine time
        </span>
      )}
      {run.cost.money && (
        <span class="qf-cost" title="What jobs have cost so far">
          {run.cost.money}
        </span>
      )}
      <Buttons over={over} send={send} detachable={detachable} />
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

function Buttons({ over, send, detachable }: Pick<Props, "send" | "detachable"> & { over: boolean }) {
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
