import { type Step, tally } from "./model";

/** Points done of all. The numbers beside it say the same in words. */
export function Bar({ step }: { step: Step }) {
  const { done, failed, dropped } = tally(step);
  const share = (n: number) => ({ width: step.total > 0 ? `${(100 * n) / step.total}%` : "0" });
  return (
    <span class="qf-bar" aria-hidden="true">
      <span class="qf-bar-done" style={share(done)} />
      <span class="qf-bar-failed" style={share(failed)} />
      <span class="qf-bar-dropped" style={share(dropped)} />
    </span>
  );
}
