// Joins the view to an anywidget model.
import type { RenderProps } from "@anywidget/types";
import { render as draw } from "preact";
import "uplot/dist/uPlot.min.css";
import "../shared/base.css";
import "../shared/node.css";
import "./run.css";
import { type Message, type RunModel, read } from "./model";
import { RunView } from "./view";

type Props = Pick<RenderProps, "el"> & { model: RunModel; signal?: AbortSignal };

function render({ model, el, signal }: Props): () => void {
  const send = (message: Message) => model.send(message);
  const show = (lost: boolean) => draw(<RunView run={read(model)} lost={lost} send={send} />, el);
  const update = () => show(false);
  const lose = () => show(true);
  const dispose = () => {
    model.off("change:snapshot", update);
    model.off("comm_live_update", lose);
    signal?.removeEventListener("abort", dispose);
    draw(null, el);
  };
  model.on("change:snapshot", update);
  model.on("comm_live_update", lose);
  signal?.addEventListener("abort", dispose);
  update();
  return dispose;
}

export default { render };
