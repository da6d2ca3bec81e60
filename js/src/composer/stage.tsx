import { Canvas } from "./canvas";
import { useDesk } from "./desk";
import { GateEditor } from "./gate-editor";
import { Qasm } from "./qasm";
import { TextView } from "./text";

/** The middle of the composer. */
export function StageView({ fresh }: { fresh: boolean }) {
  const { stage, cell } = useDesk();
  switch (stage.show) {
    case "graph":
      return <Canvas fresh={fresh} />;
    case "text":
      return <TextView editing={stage.editing} />;
    case "qasm":
      return <Qasm step={stage.step} />;
    case "gates": {
      const step = cell.steps.find((one) => one.name === stage.step);
      return <GateEditor key={stage.step ?? ""} step={stage.step} start={step?.gates ?? null} />;
    }
  }
}
