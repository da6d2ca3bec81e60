// The container that JupyterLab loads: two functions, by the protocol of module federation.
import "./lab.css";
import { type Host, SHARED, hostOf } from "./host";
import { plugins } from "./plugins";
import { type Scope, taken } from "./sharing";

const NAME = "quantumflow_lab";
const own = document.currentScript as HTMLScriptElement | null;
let scope: Scope = {};

async function extension(): Promise<() => unknown> {
  const host: Host = hostOf(await taken(scope, SHARED));
  const made = plugins(host);
  return () => ({ __esModule: true, default: made });
}

async function style(): Promise<() => unknown> {
  if (own) {
    const link = document.createElement("link");
    link.rel = "stylesheet";
    link.href = own.src.replace(/\.js(\?.*)?$/, ".css");
    document.head.append(link);
  }
  return () => ({});
}

const MODULES: Record<string, () => Promise<() => unknown>> = {
  "./extension": extension,
  "./style": style,
};

const containers = ((window as { _JUPYTERLAB?: Record<string, unknown> })._JUPYTERLAB ??= {});
containers[NAME] = {
  init(shared: Scope): void {
    scope = shared;
  },
  get(module: string): Promise<() => unknown> {
    const make = MODULES[module];
    return make ? make() : Promise.reject(new Error(`${NAME} has no module ${module}`));
  },
};
