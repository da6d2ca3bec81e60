// A model with the composer's traits, and cells to show with it.
import type { Cell, Gates, Message, Option, Palette, Step, Traits } from "../src/composer/model";

type Callback = (...args: unknown[]) => void;

export class FakeComposer {
  readonly sent: Message[] = [];
  saves = 0;
  readonly #listeners = new Map<string, Set<Callback>>();
  readonly #traits: Traits;

  constructor(traits: Partial<Traits> = {}) {
    this.#traits = { cell: {}, palette, quote: null, run: null, places: {}, ...traits };
  }

  get = <K extends keyof Traits>(name: K): Traits[K] => this.#traits[name];
  set = <K extends keyof Traits>(name: K, value: Traits[K]) => {
    this.#traits[name] = value;
    this.emit(`change:${name}`);
  };
  save_changes = () => {
    this.saves += 1;
  };
  send = (message: Message) => this.sent.push(message);
  on = (event: string, callback: Callback) => {
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners.add(callback));
  };
  off = (event: string, callback: Callback) => this.#listeners.get(event)?.delete(callback);
  emit = (event: string, ...args: unknown[]) => {
    for (const callback of [...(this.#listeners.get(event) ?? [])]) callback(...args);
  };

  /** What was asked, without the revision. */
  get ops(): unknown[] {
    return this.sent.flatMap((message) => (message.type === "edit" ? [message.op] : []));
  }

  get listeners(): number {
    return [...this.#listeners.values()].reduce((sum, set) => sum + set.size, 0);
  }
}

export const option = (name: string, more: Partial<Option> = {}): Option => ({
  name, text: null, kind: "text", choices: [], hint: "", ...more,
});

export const step = (name: string, more: Partial<Step> = {}): Step => ({
  name, kind: "step", needs: [], edges: [], injected: [], inputs: [], options: [], dims: [],
  code: `def ${name}():\n    return 1`, line: 3, problem: null, gates: null, ...more,
});

export const bell: Gates = {
  qubits: 2,
  gates: [
    { name: "h", qubits: [0], column: 0, parameters: [] },
    { name: "cx", qubits: [0, 1], column: 1, parameters: [] },
  ],
};

export const cell = (more: Partial<Cell> = {}): Cell => ({
  text: "%%qflow t1 --shots 100\npoints = 21\n", name: "t1", revision: 7,
  can_undo: true, can_redo: true, ran: false, readable: true, problems: [],
  options: [option("backend", { choices: ["aer", "fake_manila"] }), option("shots", { text: "100", kind: "int" })],
  dials: [{ name: "points", text: "21", kind: "int" }, { name: "echo", text: "True", kind: "bool" }],
  axes: [{ name: "delay", text: "qf.axis([1, 2])", count: 2, unit: "s" }],
  inputs: [{ name: "site", summary: "str" }],
  steps: [
    step("decay", { kind: "circuit", gates: bell }),
    step("counts", {
      kind: "sample", needs: ["decay"], edges: ["decay"], dims: [["delay", 2]],
      options: [
        option("backend", { text: '"aer"', choices: ['"aer"', '"fake_manila"'] }),
        option("shots", { text: "4096", kind: "int", hint: "shots of each circuit" }),
        option("retries", { kind: "int" }),
      ],
    }),
    step("fitted", { needs: ["counts"], edges: ["counts"] }),
  ],
  ...more,
});

export const palette: Palette = {
  kinds: [
    { kind: "circuit", title: "Circuit", hint: "returns a QuantumCircuit" },
    { kind: "sample", title: "Sample", hint: "counts" },
  ],
  circuits: [
    { id: "mine", group: "notebook", title: "mine", summary: "2 qubits", parameters: [] },
    {
      id: "real_amplitudes", group: "library", title: "real_amplitudes", summary: "an ansatz",
      parameters: [
        { name: "num_qubits", text: "", hint: "how many", required: true },
        { name: "reps", text: "3", hint: "", required: false },
      ],
    },
  ],
  gates: [
    { name: "h", title: "H", qubits: 1, parameters: 0 },
    { name: "x", title: "X", qubits: 1, parameters: 0 },
    { name: "rx", title: "RX", qubits: 1, parameters: 1 },
    { name: "cx", title: "CX", qubits: 2, parameters: 0 },
    { name: "ccx", title: "CCX", qubits: 3, parameters: 0 },
  ],
  backends: ["aer"],
};
