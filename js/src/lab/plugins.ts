// What is added to JupyterLab. A part whose service an application lacks is left out.
import { FIRST_CELL, LOAD, create, insert, open, put, putAndRun } from "./cells";
import { clientOf } from "./client";
import { Desk, reason } from "./desk";
import type {
  App,
  EditorExtensions,
  Host,
  LabIcon,
  Launcher,
  NotebookTracker,
  Palette,
  Plugin,
  Restorer,
  SettingRegistry,
} from "./host";
import { registered } from "./highlight";
import { CARD, LOGO } from "./logo";
import { PANEL, panelOf } from "./panel";
import { reference } from "./runs";
import { preferences } from "./preferences";
import type { Doings } from "./view";
import { watch } from "./watch";

const ID = "quantumflow_lab:plugin";
const CATEGORY = "QuantumFlow";

export const COMMANDS = {
  show: "quantumflow:show-runs",
  create: "quantumflow:new-notebook",
  workflow: "quantumflow:insert-workflow",
  compose: "quantumflow:compose",
  dashboard: "quantumflow:dashboard",
  cancel: "quantumflow:cancel-all",
};

export function plugins(host: Host): Plugin[] {
  return [sidebar(host), magic(host)];
}

const magic = (host: Host): Plugin => ({
  id: "quantumflow_lab:magic",
  description: "Colours the words of %%qflow and %qflow lines.",
  autoStart: true,
  requires: [host.codemirror.IEditorExtensionRegistry],
  optional: [],
  activate: (_, editors) => (editors as EditorExtensions).addExtension(registered(host)),
});

const sidebar = (host: Host): Plugin => ({
  id: ID,
  description: "Shows the runs of QuantumFlow Lab, and adds its commands.",
  autoStart: true,
  requires: [host.notebook.INotebookTracker],
  optional: [
    host.apputils.ICommandPalette,
    host.settings.ISettingRegistry,
    host.application.ILayoutRestorer,
    ...(host.launcher ? [host.launcher.ILauncher] : []),
  ],
  activate(app, notebooks, palette, settings, restorer, launcher) {
    const tracker = notebooks as NotebookTracker;
    const wishes = preferences(settings as SettingRegistry | null, ID);
    const desk = new Desk(
      clientOf(host, app),
      // Without the drive that collaboration puts before it.
      () => app.serviceManager.contents.localPath(tracker.currentWidget?.context.path ?? ""),
      () => wishes.runs,
    );
    const watching = watch(() => desk.ask(), () => wishes.interval);
    wishes.onChange(watching.ask);
    tracker.currentChanged.connect(() => watching.ask());
    const icon = new host.ui.LabIcon({ name: "quantumflow_lab:logo", svgstr: LOGO });
    const doings = doingsOf(host, app, tracker, desk);
    const panel = panelOf(host, desk, doings, icon, watching.shown);
    app.shell.add(panel, "left", { rank: 320, type: "QuantumFlow" });
    (restorer as Restorer | null)?.add(panel, PANEL);
    addCommands(app, tracker, desk, icon);
    for (const command of Object.values(COMMANDS)) {
      (palette as Palette | null)?.addItem({ command, category: CATEGORY });
    }
    (launcher as Launcher | null | undefined)?.add({ command: COMMANDS.create, category: "Notebook", rank: 50, kernelIconUrl: CARD });
  },
});

/** What the buttons do; what goes wrong is told, never lost. */
function doingsOf(host: Host, app: App, tracker: NotebookTracker, desk: Desk): Doings {
  const told = (doing: Promise<unknown>) => {
    doing.catch((error: unknown) => host.apputils.Notification.error(reason(error)));
  };
  return {
    create: () => told(app.commands.execute(COMMANDS.create)),
    cancel: (row) => void desk.cancel(row.run),
    open: (row) => told(row.path === null ? Promise.resolve() : open(app, row.path, row.name)),
    insert: (row) => told(desk.cell(row.run).then((text) => put(app, tracker, text.trimEnd()))),
    load: (row, rows) => told(putAndRun(app, tracker, `%qflow load ${reference(row, rows)}`)),
    resume: (row, rows) => told(put(app, tracker, `%qflow resume ${reference(row, rows)}`)),
  };
}

function addCommands(app: App, tracker: NotebookTracker, desk: Desk, icon: LabIcon): void {
  const { commands } = app;
  commands.addCommand(COMMANDS.show, {
    label: "Show Runs",
    caption: "Runs that go on and runs there were",
    execute: () => app.shell.activateById(PANEL),
  });
  commands.addCommand(COMMANDS.create, {
    label: "QuantumFlow Workflow",
    caption: "A new notebook with a first %%qflow cell",
    icon,
    execute: async ({ cwd }) => insert(await create(app, typeof cwd === "string" ? cwd : ""), [LOAD, FIRST_CELL]),
  });
  commands.addCommand(COMMANDS.workflow, {
    label: "Insert a Workflow Cell",
    caption: "A %%qflow cell that samples a Bell pair, to start from",
    execute: () => put(app, tracker, FIRST_CELL),
  });
  commands.addCommand(COMMANDS.compose, {
    label: "Open the Composer",
    caption: "In a cell of the notebook in front",
    execute: () => putAndRun(app, tracker, "qf.Composer()"),
  });
  commands.addCommand(COMMANDS.dashboard, {
    label: "Open the Dashboard",
    caption: "All runs as charts, in a cell of the notebook in front",
    execute: () => putAndRun(app, tracker, "qf.Dashboard()"),
  });
  commands.addCommand(COMMANDS.cancel, {
    label: "Cancel All Runs",
    caption: "Cancel every run of this home that goes on",
    execute: async () => {
      await desk.ask();
      const running = (desk.known.runs ?? []).filter((row) => row.state === "running");
      await Promise.all(running.map((row) => desk.cancel(row.run)));
    },
  });
}
