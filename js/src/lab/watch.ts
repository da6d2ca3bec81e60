// Asks again and again, but only while somebody looks.

export interface Watch {
  /** Ask now if somebody looks, and go on from there. */
  ask(): void;
  /** Whether the sidebar is shown. */
  shown(yes: boolean): void;
  dispose(): void;
}

/** How much longer it waits after each failure in a row, up to this many times. */
const PATIENCE = 16;
/** A server that is busy gets a rest of so many times what its answer took, */
const REST = 4;
/** but of no more seconds than these. */
const LONGEST_REST = 5;

/** Calls `ask` every `seconds()` while the sidebar and the document are visible.

    The next call is due when the one before has been answered, so a slow server is never
    asked twice at a time. */
export function watch(ask: () => Promise<boolean>, seconds: () => number): Watch {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isShown = false;
  let asking = false;
  let again = false;
  let failures = 1;

  const visible = () => isShown && document.visibilityState === "visible";

  async function turn(): Promise<void> {
    clearTimeout(timer);
    if (asking) {
      again = true;
      return;
    }
    asking = true;
    const asked = performance.now();
    failures = (await ask()) ? 1 : Math.min(2 * failures, PATIENCE);
    const rest = Math.min((REST * (performance.now() - asked)) / 1000, LONGEST_REST);
    asking = false;
    if (again) {
      again = false;
      void turn();
    } else if (visible()) {
      timer = setTimeout(turn, 1000 * Math.max(seconds() * failures, rest));
    }
  }

  function look(): void {
    clearTimeout(timer);
    if (visible()) void turn();
  }

  document.addEventListener("visibilitychange", look);
  return {
    ask: look,
    shown(yes) {
      isShown = yes;
      look();
    },
    dispose() {
      isShown = false;
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", look);
    },
  };
}
