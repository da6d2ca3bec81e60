// What the sidebar knows, and how that changes.
import { type Client, Refused } from "./client";
import { type RunRow, news } from "./runs";

export interface Known {
  /** Null before the first answer. */
  runs: RunRow[] | null;
  home: string;
  /** The server's clock less ours, in seconds. */
  ahead: number;
  find: string;
  /** Runs that were asked to end and go on. */
  cancelling: ReadonlySet<string>;
  /** Why there is no answer. */
  trouble: string | null;
  /** What a screen reader says. */
  said: string;
}

const NOTHING: Known = {
  runs: null,
  home: "",
  ahead: 0,
  find: "",
  cancelling: new Set(),
  trouble: null,
  said: "",
};

export class Desk {
  known: Known = NOTHING;
  readonly #listeners = new Set<() => void>();

  /** `near` tells the notebook in front, `most` how many runs to ask for. */
  constructor(
    private readonly client: Client,
    private readonly near: () => string,
    private readonly most: () => number,
  ) {}

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Ask for the runs; false if there was no answer. */
  async ask(): Promise<boolean> {
    const { find } = this.known;
    try {
      const told = await this.client.runs(this.near(), find, this.most());
      // A search that went on meanwhile has an answer of its own to come.
      if (find !== this.known.find) return true;
      const running = new Set(told.runs.filter((row) => row.state === "running").map((row) => row.run));
      this.#set({
        runs: told.runs,
        home: told.home,
        ahead: told.now - Date.now() / 1000,
        cancelling: new Set([...this.known.cancelling].filter((run) => running.has(run))),
        trouble: null,
        said: news(this.#before(told.home, find), told.runs) || this.known.said,
      });
      this.#asked = { home: told.home, find };
      return true;
    } catch (error) {
      this.#set({ trouble: reason(error) });
      return false;
    }
  }

  search(find: string): void {
    this.#set({ find });
    void this.ask();
  }

  async cancel(run: string): Promise<void> {
    this.#set({ cancelling: new Set([...this.known.cancelling, run]) });
    try {
      await this.client.cancel(run, this.near());
    } catch (error) {
      const left = [...this.known.cancelling].filter((each) => each !== run);
      this.#set({ cancelling: new Set(left), trouble: reason(error) });
      return;
    }
    await this.ask();
  }

  cell(run: string): Promise<string> {
    return this.client.cell(run, this.near());
  }

  #asked = { home: "", find: "" };

  /** The runs to compare with: of another home or another search everything would be new. */
  #before(home: string, find: string): RunRow[] {
    const same = this.#asked.home === home && this.#asked.find === find;
    return same ? (this.known.runs ?? []) : [];
  }

  #set(change: Partial<Known>): void {
    this.known = { ...this.known, ...change };
    for (const listener of this.#listeners) listener();
  }
}

export const reason = (error: unknown): string =>
  error instanceof Refused
    ? error.message
    : `The Jupyter server does not answer: ${error instanceof Error ? error.message : String(error)}`;
