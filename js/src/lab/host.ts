// The part of JupyterLab that the extension uses, as types. Its packages weigh half a
// gigabyte; what is used of them fits on this page, and a browser test holds it to the truth.

/** Shared modules, in the order in which `hostOf` takes them. */
export const SHARED = [
  "@jupyterlab/application",
  "@jupyterlab/apputils",
  "@jupyterlab/codemirror",
  "@jupyterlab/launcher",
  "@jupyterlab/notebook",
  "@jupyterlab/services",
  "@jupyterlab/settingregistry",
  "@jupyterlab/ui-components",
  "@lumino/widgets",
  "@codemirror/state",
  "@codemirror/view",
] as const;

export type Token = { readonly name: string };

export interface Signal<T> {
  connect(slot: (sender: unknown, args: T) => void): boolean;
}

export interface CellModel {
  readonly type: string;
  readonly sharedModel: { getSource(): string; setSource(text: string): void };
}

export interface Cells {
  readonly length: number;
  get(index: number): CellModel;
}

export interface NotebookPanel {
  readonly id: string;
  readonly context: { readonly path: string; readonly ready: Promise<void> };
  readonly content: {
    activeCellIndex: number;
    readonly model: {
      readonly cells: Cells;
      readonly sharedModel: {
        insertCell(index: number, cell: { cell_type: "code"; source: string; metadata: object }): unknown;
      };
    } | null;
    scrollToItem?(index: number, align?: string): Promise<void>;
  };
}

export interface NotebookTracker {
  readonly currentWidget: NotebookPanel | null;
  readonly currentChanged: Signal<unknown>;
}

export interface LabIcon {
  readonly name: string;
}

export interface Widget {
  id: string;
  readonly node: HTMLElement;
  readonly isVisible: boolean;
  readonly title: { icon: LabIcon; caption: string; label: string };
  dispose(): void;
}

export interface WidgetClass {
  new (): Widget & {
    onAfterAttach(message: unknown): void;
    onAfterShow(message: unknown): void;
    onAfterHide(message: unknown): void;
  };
}

export interface Shell {
  add(widget: Widget, area: string, options?: { rank?: number; type?: string }): void;
  activateById(id: string): void;
}

export interface Command {
  label: string;
  caption?: string;
  icon?: LabIcon;
  isEnabled?(): boolean;
  execute(args: Record<string, unknown>): unknown;
}

export interface Commands {
  addCommand(id: string, command: Command): unknown;
  execute(id: string, args?: Record<string, unknown>): Promise<unknown>;
  notifyCommandChanged(id?: string): void;
  hasCommand(id: string): boolean;
}

export interface ServerSettings {
  readonly baseUrl: string;
}

export interface App {
  readonly commands: Commands;
  readonly shell: Shell;
  readonly serviceManager: {
    readonly serverSettings: ServerSettings;
    readonly contents: { localPath(path: string): string };
    readonly kernelspecs: { readonly ready: Promise<void>; readonly specs: { default: string } | null };
  };
}

export interface Palette {
  addItem(item: { command: string; category: string; rank?: number }): unknown;
}

export interface Launcher {
  add(item: { command: string; category: string; rank?: number; kernelIconUrl?: string }): unknown;
}

export interface Restorer {
  add(widget: Widget, name: string): void;
}

export interface Settings {
  readonly composite: Record<string, unknown>;
  readonly changed: Signal<unknown>;
}

export interface SettingRegistry {
  load(plugin: string): Promise<Settings>;
}

/** CodeMirror, as far as marks on a line need it. */
export interface EditorView {
  readonly state: { readonly doc: TextOfEditor };
  readonly visibleRanges: readonly { from: number; to: number }[];
}

export interface TextOfEditor {
  readonly lines: number;
  line(number: number): { from: number; to: number; number: number; text: string };
  lineAt(at: number): { from: number; to: number; number: number; text: string };
}

export interface ViewUpdate {
  readonly view: EditorView;
  readonly docChanged: boolean;
  readonly viewportChanged: boolean;
}

export interface EditorExtensions {
  addExtension(extension: {
    name: string;
    default: unknown;
    schema: Record<string, unknown>;
    factory(options: { model: { readonly mimeType: string } }): unknown;
  }): void;
}

export interface Plugin {
  id: string;
  description: string;
  autoStart: true;
  requires: Token[];
  optional: Token[];
  activate(app: App, ...services: unknown[]): void;
}

export interface Host {
  application: { ILayoutRestorer: Token };
  apputils: {
    ICommandPalette: Token;
    Notification: { error(message: string): unknown; info(message: string): unknown };
  };
  codemirror: {
    IEditorExtensionRegistry: Token;
    EditorExtensionRegistry: { createConditionalExtension(extension: unknown): unknown };
  };
  /** Not shared by every application. */
  launcher: { ILauncher: Token } | null;
  notebook: { INotebookTracker: Token };
  services: {
    ServerConnection: {
      makeRequest(url: string, init: RequestInit, settings: ServerSettings): Promise<Response>;
    };
  };
  settings: { ISettingRegistry: Token };
  ui: { LabIcon: new (options: { name: string; svgstr: string }) => LabIcon };
  widgets: { Widget: WidgetClass };
  state: { Prec: { highest(extension: unknown): unknown } };
  view: {
    ViewPlugin: { define(create: (view: EditorView) => object, spec: object): unknown };
    Decoration: {
      mark(spec: { class: string; attributes?: Record<string, string> }): {
        range(from: number, to: number): unknown;
      };
      set(ranges: unknown[]): unknown;
    };
  };
}

/** The modules with names; what every application shares has to be there. */
export function hostOf(modules: unknown[]): Host {
  const missing = SHARED.filter((name, i) => !modules[i] && name !== "@jupyterlab/launcher");
  if (missing.length > 0) {
    throw new Error(`QuantumFlow needs ${missing.join(", ")}, which this application does not share`);
  }
  const [application, apputils, codemirror, launcher, notebook, services, settings, ui, widgets, state, view] = modules;
  return { application, apputils, codemirror, launcher, notebook, services, settings, ui, widgets, state, view } as Host;
}
