// Edits go to the kernel one at a time, each with the revision it was made on.
import type { Message, Op } from "./model";

/** Milliseconds after which an edit without an answer (it changed nothing) holds up no other. */
const PATIENCE = 2000;

/** Sends an edit when the one before has been answered, so that quick hands are not refused. */
export class Outbox {
  #waiting: Op[] = [];
  #sent: number | null = null;
  #revision: number;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    revision: number,
    private readonly send: (message: Message) => void,
  ) {
    this.#revision = revision;
  }

  put(op: Op): void {
    const last = this.#waiting.at(-1);
    if (last && target(last) === target(op)) this.#waiting.pop();
    this.#waiting.push(op);
    this.#next();
  }

  /** The kernel has shown a cell. */
  seen(revision: number): void {
    this.#revision = revision;
    if (this.#sent !== null && revision > this.#sent) this.#answered();
  }

  /** The kernel has refused the edit under way. */
  refused(): void {
    if (this.#sent !== null) this.#answered();
  }

  dispose(): void {
    clearTimeout(this.#timer);
    this.#waiting = [];
  }

  #answered = () => {
    clearTimeout(this.#timer);
    this.#sent = null;
    this.#next();
  };

  #next(): void {
    if (this.#sent !== null) return;
    const op = this.#waiting.shift();
    if (!op) return;
    this.#sent = this.#revision;
    this.#timer = setTimeout(this.#answered, PATIENCE);
    this.send({ type: "edit", revision: this.#revision, op });
  }
}

/** Two edits with the same target: only the newer needs to be made. Others are all their own. */
export function target(op: Op): string {
  switch (op.do) {
    case "option":
      return `option ${op.step} ${op.name}`;
    case "magic":
    case "assign":
      return `${op.do} ${op.name}`;
    case "code":
      return `code ${op.step}`;
    case "title":
    case "text":
      return op.do;
    default:
      return JSON.stringify(op);
  }
}
