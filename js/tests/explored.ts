// States as the kernel sends them, small and written out.
import type { Backends, Compared, Dashboard, Device } from "../src/dashboard/model";

export const DAY = 86400;
export const T = 1_790_035_200;

export const dashboard = (more: Partial<Dashboard> = {}): Dashboard => ({
  view: "dashboard",
  n: 0,
  filter: {},
  total: 3,
  since: T,
  until: T + 4 * DAY,
  width: DAY,
  totals: {
    runs: 3, points: 14, failed: 1, kept: 1, cached: 1, jobs: 6, machine_s: 3, qpu_s: 3,
    money: [{ currency: "EUR", cost: 9 }, { currency: "USD", cost: 6 }],
  },
  charts: {
    time: [
      { start: T, state: "done", runs: 2 },
      { start: T, state: "failed", runs: 1 },
      { start: T + 2 * DAY, state: "unfinished", runs: 1 },
    ],
    states: [{ state: "done", runs: 2 }, { state: "failed", runs: 1 }],
    names: [{ name: "bell", runs: 2, failed: 1, latest: T }, { name: "<i>t1</i>", runs: 1, failed: 0, latest: T }],
    backends: [
      { name: "garnet", jobs: 2, machine_s: 1, qpu_s: 3, queue_s: 0, money: [{ currency: "EUR", cost: 9, at_most: 5 }] },
      { name: "fez", jobs: 3, machine_s: 1.5, qpu_s: 0, queue_s: 60, money: [{ currency: "USD", cost: 6, at_most: 0 }] },
      { name: "aer", jobs: 1, machine_s: 0.5, qpu_s: 0, queue_s: 0, money: [] },
    ],
    kinds: [
      { name: "sample", steps: 3, points: 12, failed: 1, kept: 1, cached: 2, wall_s: 6, money: [{ currency: "EUR", cost: 9 }, { currency: "USD", cost: 6 }] },
      { name: "step", steps: 1, points: 1, failed: 0, kept: 0, cached: 0, wall_s: 1, money: [] },
    ],
    quoted: [
      { backend: "fez", currency: "USD", jobs: 2, quoted: 2, cost: 2, quoted_in_all: 4, cost_in_all: 4, within: 2 },
      { backend: "fez", currency: "USD", jobs: 2, quoted: 2, cost: 0, quoted_in_all: 4, cost_in_all: 0, within: 0 },
      { backend: "garnet", currency: "EUR", jobs: 1, quoted: 4, cost: 4, quoted_in_all: 4, cost_in_all: 4, within: 1 },
    ],
    failures: [{ name: "bell", step: "counts", kind: "sample", failed: 1, points: 8, runs: 1, error: "no counts", run: "b" }],
    runs: [
      { run: "b", number: 2, name: "bell", state: "failed", started: T, wall_s: 9, points: 4, done: 3, failed: 1, backends: ["fez"], money: [{ currency: "USD", cost: 5 }], error: "no counts" },
      { run: "a", number: 1, name: "bell", state: "done", started: T, wall_s: 9, points: 5, done: 5, failed: 0, backends: ["aer"], money: [], error: null },
    ],
  },
  sql: { time: "SELECT 1", states: "SELECT 2", names: "SELECT 3", backends: "SELECT 4,\n    5", kinds: "SELECT 6", kind_costs: "SELECT 7", quoted: "SELECT 8", failures: "SELECT 9", runs: "SELECT 10" },
  colours: { aer: "#0072B2", fez: "#D55E00", garnet: "#44AA99" },
  open: null,
  message: null,
  ...more,
});

export const device = (more: Partial<Device> = {}): Device => ({
  name: "fake_manila",
  colour: "#CC79A7",
  about: "3 qubits, noisy simulator",
  note: "",
  num_qubits: 3,
  calibrated: "2026-05-27 15:27",
  one_qubit_gate: "sx",
  two_qubit_gate: "cx",
  places: [[0, 0.5], [0.5, 0.5], [1, 0.5]],
  aspect: 0.12,
  qubits: [{ t1: 1e-4, readout: 0.02, error: 2e-4 }, { t1: 2e-4, readout: 0.05 }, { t1: 5e-5, readout: 0.01 }],
  pairs: [{ a: 0, b: 1, error: 0.008, gate_s: 3e-7 }, { a: 1, b: 2, error: 1 }],
  ...more,
});

export const backends = (more: Partial<Backends> = {}): Backends => ({
  view: "backends",
  devices: [device()],
  choice: null,
  message: null,
  ...more,
});

export const compared = (more: Partial<Compared> = {}): Compared => ({
  view: "compare",
  n: 0,
  a: "bell:1",
  b: "bell:2",
  runs: [
    { label: "bell:3", about: "done" },
    { label: "bell:2", about: "done" },
    { label: "bell:1", about: "failed" },
  ],
  verdict: "differ",
  tested: 3,
  differing: 1,
  level: 0.01,
  changed: ["shots 100 → 200"],
  sentences: ["Changed: shots 100 → 200."],
  differences: [
    { title: "Code", columns: [], rows: [], lines: ["@@ step a @@", "-    old", "+    <b>new</b>"], more: null },
    { title: "Options", columns: ["option", "bell:1", "bell:2"], rows: [["shots", "100", "200"]], lines: [], more: "and 2 more" },
  ],
  results: [],
  spent: [],
  message: null,
  ...more,
});
