// What is asked of the server. JupyterLab's own request adds the token and the XSRF cookie.
import type { App, Host } from "./host";
import type { Answer } from "./runs";

/** Why there is no answer; `absent` if the server does not know us. */
export class Refused extends Error {
  constructor(
    message: string,
    readonly absent: boolean = false,
  ) {
    super(message);
  }
}

export interface Client {
  runs(near: string, find: string, limit: number): Promise<Answer>;
  cell(run: string, near: string): Promise<string>;
  /** False if no process has the run any more. */
  cancel(run: string, near: string): Promise<boolean>;
}

export const ABSENT =
  "The Jupyter server does not know QuantumFlow Lab. If it was installed a moment ago, restart " +
  "JupyterLab; if the server runs in another environment, install it there. Cells run all the same.";

export function clientOf(host: Host, app: App): Client {
  const settings = app.serviceManager.serverSettings;
  const { makeRequest } = host.services.ServerConnection;

  async function ask(path: string, query: Record<string, string>, method = "GET"): Promise<unknown> {
    const url = `${settings.baseUrl}quantumflow/${path}?${new URLSearchParams(query)}`;
    const response = await makeRequest(url, { method }, settings);
    const told = (await response.json().catch(() => null)) as { message?: string } | null;
    if (response.ok && told !== null) return told;
    // A page for people, without a message: nothing answers at that address.
    if (response.status === 404 && !told?.message) throw new Refused(ABSENT, true);
    throw new Refused(told?.message || `the server answered ${response.status}`);
  }

  return {
    runs: async (near, find, limit) =>
      (await ask("runs", { near, find, limit: String(limit) })) as Answer,
    cell: async (run, near) =>
      ((await ask(`runs/${encodeURIComponent(run)}/cell`, { near })) as { text: string }).text,
    cancel: async (run, near) =>
      ((await ask(`runs/${encodeURIComponent(run)}/cancel`, { near }, "POST")) as { asked: boolean }).asked,
  };
}
