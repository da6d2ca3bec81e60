// Joins the composer to an anywidget model.
import type { RenderProps } from "@anywidget/types";
import { render as draw } from "preact";
import "uplot/dist/uPlot.min.css";
import "../shared/base.css";
import "../shared/node.css";
import "../run/run.css";
import "./composer.css";
import "./columns.css";
import "./palette.css";
import "./canvas.css";
import "./inspector.css";
import "./gates.css";
import "./quote.css";
import type { ComposerModel, Message, Places, Refused } from "./model";
import { Outbox } from "./outbox";
import { read, readCell } from "./read";
import { Silence } from "./silence";
import { ComposerView } from "./view";

type Props = Pick<RenderProps, "el"> & { model: ComposerModel; signal?: AbortSignal };

const DRAWN = ["change:palette", "change:quote", "change:run"] as const;

function render({ model, el, signal }: Props): () => void {
  const post = (message: Message) => {
    if (message.type !== "write") silence.asked();
    model.send(message);
  };
  const send = (message: Message) => {
    forgive();
    post(message);
  };
  let cell = readCell(model.get("cell") ?? {});
  const outbox = new Outbox(cell.revision, post);
  let refused: Refused | null = null;
  let lost = false;
  const silence = new Silence(() => show());
  const forgive = () => {
    if (refused === null) return;
    refused = null;
    show();
  };
  const setPlaces = (places: Places) => {
    model.set("places", places);
    model.save_changes();
    show();
  };
  const show = () => {
    const told = read(model, cell);
    const edit = (op: Parameters<Outbox["put"]>[0]) => {
      refused = null;
      outbox.put(op);
    };
    const silent = silence.long && !lost;
    const props = { told, refused, lost, silent, send, edit, forgive, setPlaces };
    draw(<ComposerView {...props} />, el);
  };
  const heard = () => {
    silence.broken();
    show();
  };
  const changed = () => {
    refused = null;
    silence.broken();
    cell = readCell(model.get("cell") ?? {});
    show();
    outbox.seen(cell.revision);
  };
  const told = (message: unknown) => {
    if (!isRefused(message)) return;
    silence.broken();
    refused = { op: message.op, message: message.message };
    show();
    outbox.refused();
  };
  const lose = () => {
    lost = true;
    show();
  };
  const dispose = () => {
    model.off("change:cell", changed);
    for (const event of DRAWN) model.off(event, heard);
    model.off("change:places", show);
    model.off("msg:custom", told);
    model.off("comm_live_update", lose);
    signal?.removeEventListener("abort", dispose);
    outbox.dispose();
    silence.broken();
    draw(null, el);
  };
  model.on("change:cell", changed);
  for (const event of DRAWN) model.on(event, heard);
  model.on("change:places", show);
  model.on("msg:custom", told);
  model.on("comm_live_update", lose);
  signal?.addEventListener("abort", dispose);
  show();
  return dispose;
}

function isRefused(message: unknown): message is Refused & { type: "refused" } {
  return typeof message === "object" && message !== null && "type" in message && message.type === "refused";
}

export default { render };
