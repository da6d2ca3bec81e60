import { Glyph } from "../shared/icons";
import { useDesk } from "./desk";
import { type Problem, isEmpty } from "./model";
import { Tool } from "./zoom-bar";

/** What keeps the workflow from running, and why the last edit was not made. */
export function Problems() {
  const desk = useDesk();
  const { cell, refused, lost, silent, forgive } = desk;
  const others = refused !== null && !shownAtItsField(refused.op.do);
  return (
    <>
      {lost && (
        <p class="qfc-notice qfc-bad" role="alert">
          <Glyph name="warn" />
          The kernel has gone. The workflow can be read and copied, but not changed: copy its text
          into a cell, or run the cell that opened it again.
        </p>
      )}
      {silent && (
        <p class="qfc-notice" role="status">
          <Glyph name="warn" />
          No answer from the kernel: it is busy, or gone. What was changed here last may not have reached it.
        </p>
      )}
      {others && (
        <p class="qfc-notice qfc-bad" role="alert">
          <Glyph name="warn" />
          {refused.message}
          <Tool glyph="close" name="Dismiss" press={forgive} />
        </p>
      )}
      {!cell.readable && <Unreadable />}
      {cell.problems.length > 0 && !isEmpty(cell) && (
        <ul class="qfc-problems" aria-label="Problems">
          {cell.problems.map((problem, i) => (
            <li key={i}>
              <One problem={problem} />
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

function One({ problem }: { problem: Problem }) {
  const { select, setStage } = useDesk();
  const where = [problem.step, problem.line && `line ${problem.line}`].filter(Boolean).join(", ");
  const go = () => {
    if (problem.step) {
      select({ step: problem.step });
      setStage({ show: "graph" });
    } else {
      setStage({ show: "text", editing: false });
    }
  };
  return (
    <button type="button" class="qfc-problem" onClick={go}>
      <Glyph name="warn" />
      <span>{problem.message}</span>
      {where && <span class="qf-sub">{where}</span>}
    </button>
  );
}

function Unreadable() {
  const { setStage, lost } = useDesk();
  return (
    <p class="qfc-notice">
      The graph shows the last text that could be read.
      <button
        type="button"
        class="qf-button"
        disabled={lost}
        onClick={() => setStage({ show: "text", editing: true })}
      >
        Mend the text
      </button>
    </p>
  );
}

/** Edits whose refusal stands where they were made. */
const shownAtItsField = (op: string): boolean =>
  ["option", "magic", "assign", "title", "code", "rename", "text", "circuit"].includes(op);
