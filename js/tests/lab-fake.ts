// Runs as the server tells them, and a server.
import { vi } from "vitest";
import type { Client } from "../src/lab/client";
import { Desk } from "../src/lab/desk";
import type { Answer, RunRow } from "../src/lab/runs";

export const NOW = 1_790_000_000;

export const row = (name: string, more: Partial<RunRow> = {}): RunRow => ({
  run: `id-${name}`,
  name,
  number: 1,
  state: "done",
  started: NOW - 120,
  elapsed: 4.1,
  done: 3,
  failed: 0,
  total: 3,
  backends: ["aer"],
  notebook: null,
  path: null,
  error: null,
  ...more,
});

export const answer = (runs: RunRow[]): Answer => ({ home: "/data/me/.qflow", now: Date.now() / 1000, runs });

export function server(runs: RunRow[]) {
  const client = {
    runs: vi.fn<Client["runs"]>(async () => answer(runs)),
    cell: vi.fn<Client["cell"]>(async () => "%%qflow bell\n"),
    cancel: vi.fn<Client["cancel"]>(async () => true),
  };
  const desk = new Desk(client, () => "a.ipynb", () => 100);
  const tell = (next: RunRow[]) => client.runs.mockImplementation(async () => answer(next));
  return { client, desk, tell };
}
