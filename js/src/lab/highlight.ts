// Colours for magic lines in the editor of a notebook's cell.
import type { EditorView, Host, ViewUpdate } from "./host";
import { marks } from "./magic";

const NAME = "quantumflow_lab:magic";
const IPYTHON = "text/x-ipython";
/** Blank lines that may stand above a magic line. */
const ABOVE = 20;

/** The number of the first line that is not blank. */
function firstLine(view: EditorView): number {
  const { doc } = view.state;
  for (let n = 1; n <= Math.min(doc.lines, ABOVE); n++) {
    if (doc.line(n).text.trim()) return n;
  }
  return 1;
}

function decorated(host: Host, view: EditorView): unknown {
  const { Decoration } = host.view;
  const { doc } = view.state;
  const first = firstLine(view);
  const found: unknown[] = [];
  let line = 0;
  for (const { from, to } of view.visibleRanges) {
    for (let n = Math.max(doc.lineAt(from).number, line + 1); n <= doc.lineAt(to).number; n++) {
      const { from: start, text } = doc.line(n);
      for (const mark of marks(text, n === first)) {
        const spec = { class: `qf-code-${mark.kind}`, ...(mark.why && { attributes: { title: mark.why } }) };
        found.push(Decoration.mark(spec).range(start + mark.from, start + mark.to));
      }
      line = n;
    }
  }
  return Decoration.set(found);
}

/** Makes the colours known to JupyterLab, which has a switch for them in its settings. */
export function registered(host: Host) {
  const { ViewPlugin } = host.view;
  const { EditorExtensionRegistry } = host.codemirror;

  const extension = (model: { readonly mimeType: string }) => {
    const seen = (view: EditorView) => (model.mimeType === IPYTHON ? decorated(host, view) : host.view.Decoration.set([]));
    const create = (view: EditorView) => ({
      mime: model.mimeType,
      decorations: seen(view),
      update(update: ViewUpdate) {
        // A cell is plain text until its kernel has said what it speaks.
        if (!update.docChanged && !update.viewportChanged && this.mime === model.mimeType) return;
        this.mime = model.mimeType;
        this.decorations = seen(update.view);
      },
    });
    const plugin = ViewPlugin.define(create, {
      decorations: (value: { decorations: unknown }) => value.decorations,
    });
    // Inside of the marks of Python's own colours, so that ours show.
    return host.state.Prec.highest(plugin);
  };

  return {
    name: NAME,
    default: true,
    schema: {
      type: "boolean",
      title: "QuantumFlow magic lines",
      description: "Whether the words of %%qflow and %qflow lines are coloured.",
    },
    factory: (options: { model: { readonly mimeType: string } }) =>
      EditorExtensionRegistry.createConditionalExtension(extension(options.model)),
  };
}
