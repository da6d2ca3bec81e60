// A model as anywidget gives it, and runs to show with it.
import type { Metric, Snapshot, Step } from "../src/run/model";

type Callback = () => void;

export class FakeModel {
  readonly sent: unknown[] = [];
  readonly #listeners = new Map<string, Set<Callback>>();
  constructor(private snapshot: unknown) {}

  get = () => this.snapshot;
  set = () => undefined;
  save_changes = () => undefined;
  send = (message: unknown) => this.sent.push(message);

  on(event: string, callback: Callback) {
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners.add(callback));
  }

  off(event: string, callback: Callback) {
    this.#listeners.get(event)?.delete(callback);
  }

  emit(event: string) {
    for (const callback of [...(this.#listeners.get(event) ?? [])]) callback();
  }

  update(snapshot: unknown) {
    this.snapshot = snapshot;
    this.emit("change:snapshot");
  }

  get listeners(): number {
    return [...this.#listeners.values()].reduce((sum, set) => sum + set.size, 0);
  }
}

export const step = (name: string, more: Partial<Step> = {}): Partial<Step> => ({
  name,
  kind: "step",
  needs: [],
  inputs: [],
  dims: [],
  backend: null,
  total: 1,
  counts: {},
  state: "waiting",
  ...more,
});

export const run = (steps: Partial<Step>[], more: Partial<Snapshot> = {}): unknown => ({
  name: "bell",
  run: "r1",
  state: "running",
  elapsed: 3.14,
  message: null,
  steps,
  inputs: [],
  metrics: [] as Metric[],
  cost: { machine_s: 0 },
  ...more,
});
