import { Glyph, KindIcon } from "../shared/icons";
import { Adder } from "./adder";
import { refusal, useDesk } from "./desk";
import { DialField } from "./dial";
import { Field } from "./field";
import type { Axis, Option } from "./model";

/** What holds for all steps: options of the magic line, dials, axes, inputs. */
export function WorkflowInspector() {
  const { cell, lost, edit } = useDesk();
  return (
    <>
      <h4 class="qfc-heading qfc-first">Workflow</h4>
      <section class="qfc-part" aria-label="Options of the run">
        {cell.options.map((option) => (
          <MagicField key={option.name} option={option} />
        ))}
      </section>
      <section class="qfc-part" aria-label="Dials">
        <h4 class="qfc-heading">
          Dials
          <span class="qf-sub">values of the cell</span>
        </h4>
        {cell.dials.map((dial) => (
          <DialField key={dial.name} dial={dial} />
        ))}
        <Adder what="dial" example="0.5" disabled={lost} add={(name, text) => edit({ do: "assign", name, text })} />
      </section>
      <section class="qfc-part" aria-label="Axes">
        <h4 class="qfc-heading">
          Axes
          <span class="qf-sub">values swept over</span>
        </h4>
        {cell.axes.map((axis) => (
          <AxisField key={axis.name} axis={axis} />
        ))}
        <Adder
          what="axis"
          example="qf.axis([1, 2, 3])"
          disabled={lost}
          add={(name, text) => edit({ do: "assign", name, text })}
        />
      </section>
      {cell.inputs.length > 0 && (
        <section class="qfc-part" aria-label="Inputs">
          <h4 class="qfc-heading">
            Inputs
            <span class="qf-sub">taken from the notebook</span>
          </h4>
          <ul class="qfc-list">
            {cell.inputs.map((input) => (
              <li key={input.name}>
                <KindIcon kind="input" />
                <b>{input.name}</b>
                <span class="qf-sub">{input.summary}</span>
              </li>
            ))}
          </ul>
        </section>
      )}
    </>
  );
}

function MagicField({ option }: { option: Option }) {
  const desk = useDesk();
  return (
    <Field
      {...option}
      problem={refusal(desk, (op) => op.do === "magic" && op.name === option.name)}
      disabled={desk.lost}
      send={(text) => desk.edit({ do: "magic", name: option.name, text })}
    />
  );
}

function AxisField({ axis }: { axis: Axis }) {
  const desk = useDesk();
  const size = axis.count === null ? "" : `${axis.count} values`;
  return (
    <div class="qfc-axis">
      <Glyph name="axis" />
      <Field
        name={axis.name}
        text={axis.text}
        kind="text"
        hint={[size, axis.unit && `in ${axis.unit}`].filter(Boolean).join(", ")}
        problem={refusal(desk, (op) => op.do === "assign" && op.name === axis.name)}
        disabled={desk.lost}
        send={(text) => desk.edit({ do: "assign", name: axis.name, text })}
      />
    </div>
  );
}
