// A kernel that is busy or was killed says nothing, and no event tells of it.

/** Milliseconds after which a person is told that nothing came back. */
export const PATIENCE = 5000;

/** Notes when something was asked and for long nothing came back. */
export class Silence {
  long = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly tell: () => void) {}

  asked(): void {
    this.#timer ??= setTimeout(() => {
      this.long = true;
      this.tell();
    }, PATIENCE);
  }

  /** The kernel has said something. */
  broken(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.long = false;
  }
}
