import { beforeAll, describe, expect, test, vi } from "vitest";
import { SHARED, hostOf } from "../src/lab/host";
import { type Offer, chosen, taken } from "../src/lab/sharing";

const offer = (module: unknown, loaded = false): Offer => ({ get: async () => () => module, loaded });

describe("a shared module", () => {
  test("is the one that is loaded, else the newest", async () => {
    const old = offer("old", true);
    expect(chosen({ "4.4.0": old, "4.10.0": offer("new") })).toBe(old);
    const offers = { "4.9.1": offer("9"), "4.10.0-rc.1": offer("rc"), "4.10.0": offer("10") };
    expect(await taken({ a: offers }, ["a", "b"])).toEqual(["10", null]);
  });

  test("that has to be there is named when it is not", () => {
    const all = SHARED.map(() => ({}));
    expect(hostOf(SHARED.map((name) => (name === "@jupyterlab/launcher" ? null : {}))).launcher).toBeNull();
    all[2] = null as never;
    expect(() => hostOf(all)).toThrow(
      "QuantumFlow needs @jupyterlab/codemirror, which this application does not share",
    );
  });
});

describe("the container", () => {
  interface Container {
    init(scope: unknown): void;
    get(module: string): Promise<() => { default?: { id: string; requires: unknown[] }[] }>;
  }
  let container: Container;

  beforeAll(async () => {
    vi.stubGlobal("_JUPYTERLAB", {});
    await import("../src/lab/container");
    container = (window as unknown as { _JUPYTERLAB: Record<string, Container> })._JUPYTERLAB["quantumflow_lab"]!;
  });

  test("gives plugins made of what the application shares", async () => {
    const tokens = { IEditorExtensionRegistry: { name: "editors" }, INotebookTracker: { name: "notebooks" } };
    container.init(Object.fromEntries(SHARED.map((name) => [name, { "1.0.0": offer(tokens) }])));
    const plugins = (await container.get("./extension"))().default!;
    expect(plugins.map(({ id, requires }) => [id, requires])).toEqual([
      ["quantumflow_lab:plugin", [tokens.INotebookTracker]],
      ["quantumflow_lab:magic", [tokens.IEditorExtensionRegistry]],
    ]);
    await expect(container.get("./other")).rejects.toThrow("quantumflow_lab has no module ./other");
    expect(await container.get("./style")).toBeTypeOf("function");
  });
});
