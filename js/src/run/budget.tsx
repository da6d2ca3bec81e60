import { amount } from "./format";
import type { Budget } from "./model";

/** What is spent and kept back of the budget: a bar, and the numbers beside it. */
export function BudgetBar({ budget }: { budget: Budget }) {
  const { spent, reserved, cap, unit } = budget;
  const share = (part: number) => `${cap > 0 ? Math.min((100 * part) / cap, 100) : 0}%`;
  const kept = reserved > 0 ? ` + ${amount(reserved)} kept back` : "";
  return (
    <span class="qf-budget">
      <span
        class="qf-bar"
        role="meter"
        aria-label="Budget"
        aria-valuemin={0}
        aria-valuemax={cap}
        aria-valuenow={Math.min(spent + reserved, cap)}
        aria-valuetext={`${amount(spent)} ${unit} spent and ${amount(reserved)} ${unit} kept back for jobs on their way, of ${amount(cap)} ${unit}`}
      >
        <span class="qf-bar-spent" style={{ width: share(spent) }} />
        <span class="qf-bar-reserved" style={{ width: share(reserved) }} />
      </span>
      <span class="qf-cost" title="Spent, and kept back for jobs on their way, of the budget">
        {`${amount(spent)}${kept} of ${amount(cap)} ${unit}`}
      </span>
    </span>
  );
}
