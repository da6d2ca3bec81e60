import { RunView } from "../run/view";
import { useDesk } from "./desk";

/** The run of the workflow, as its own widget shows it. */
export function LiveRun({ fresh }: { fresh: boolean }) {
  const { run, lost, send } = useDesk();
  if (!run) return null;
  return (
    <section class="qfc-run" aria-label="Run">
      {!fresh && (
        <h4 class="qfc-heading">
          Run <span class="qf-state">of an earlier version</span>
        </h4>
      )}
      <RunView
        run={run}
        lost={lost}
        send={(message) => message.type !== "detach" && send(message)}
        detachable={false}
      />
    </section>
  );
}
