// Joins the views of what is kept to an anywidget model.
import type { RenderProps } from "@anywidget/types";
import { render as draw } from "preact";
import "../shared/base.css";
import "./css/base.css";
import "./css/dashboard.css";
import "./css/devices.css";
import "./css/compare.css";
import { BackendsView } from "./backends";
import { CompareView } from "./compare";
import { DashboardView } from "./dashboard";
import type { ExplorerModel, Message, State } from "./model";

type Props = Pick<RenderProps, "el"> & { model: ExplorerModel; signal?: AbortSignal };

function view(state: State, lost: boolean, send: (message: Message) => void) {
  switch (state.view) {
    case "dashboard":
      return <DashboardView data={state} lost={lost} send={send} />;
    case "backends":
      return <BackendsView data={state} />;
    case "compare":
      return <CompareView data={state} lost={lost} send={send} />;
  }
}

function render({ model, el, signal }: Props): () => void {
  const send = (message: Message) => model.send(message);
  const show = (lost: boolean) => draw(view(model.get("state"), lost, send), el);
  const update = () => show(false);
  const lose = () => show(true);
  const dispose = () => {
    model.off("change:state", update);
    model.off("comm_live_update", lose);
    signal?.removeEventListener("abort", dispose);
    draw(null, el);
  };
  model.on("change:state", update);
  model.on("comm_live_update", lose);
  signal?.addEventListener("abort", dispose);
  update();
  return dispose;
}

export default { render };
