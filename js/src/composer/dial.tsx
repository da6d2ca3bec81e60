import { useRef, useState } from "preact/hooks";
import { refusal, useDesk } from "./desk";
import { Field } from "./field";
import type { Dial } from "./model";
import { type Range, around, rounded } from "./range";
import { Tool } from "./zoom-bar";
import { useUnique } from "../shared/ids";

/** A value of the cell: a slider for a number, a box to tick, else its text. */
export function DialField({ dial }: { dial: Dial }) {
  const desk = useDesk();
  const send = (text: string | null) => desk.edit({ do: "assign", name: dial.name, text });
  const problem = refusal(desk, (op) => op.do === "assign" && op.name === dial.name);
  if (dial.kind === "bool") return <Tick dial={dial} send={send} disabled={desk.lost} />;
  const number = Number(dial.text.replaceAll("_", ""));
  const slides = (dial.kind === "int" || dial.kind === "float") && Number.isFinite(number);
  return (
    <div class="qfc-dial">
      <Field
        name={dial.name}
        text={dial.text}
        kind={dial.kind === "other" ? "text" : dial.kind}
        hint={dial.kind === "other" ? "an expression" : ""}
        problem={problem}
        disabled={desk.lost}
        send={send}
      />
      {slides && <Slider dial={dial} number={number} send={send} disabled={desk.lost} />}
    </div>
  );
}

interface Props {
  dial: Dial;
  send: (text: string | null) => void;
  disabled: boolean;
}

function Slider({ dial, number, send, disabled }: Props & { number: number }) {
  const [at, setAt] = useState<number | null>(null);
  const kept = useRef<Range | null>(null);
  const whole = dial.kind === "int";
  // The range stays while the value moves in it, so that the thumb does not jump.
  if (!kept.current || number < kept.current.min || number > kept.current.max) {
    kept.current = around(number, whole);
  }
  const range = kept.current;
  return (
    <input
      type="range"
      class="qfc-slider"
      aria-label={dial.name}
      aria-valuetext={rounded(at ?? number, range)}
      disabled={disabled}
      min={range.min}
      max={range.max}
      step={range.step}
      value={at ?? number}
      onInput={(event) => setAt(Number(event.currentTarget.value))}
      onChange={(event) => {
        setAt(null);
        send(rounded(Number(event.currentTarget.value), range));
      }}
    />
  );
}

function Tick({ dial, send, disabled }: Props) {
  const id = useUnique();
  return (
    <div class="qfc-field qfc-tick qfc-given">
      <input
        id={id}
        type="checkbox"
        checked={dial.text === "True"}
        disabled={disabled}
        onChange={(event) => send(event.currentTarget.checked ? "True" : "False")}
      />
      <label for={id}>{dial.name}</label>
      {!disabled && <Tool glyph="close" name={`Take ${dial.name} away`} press={() => send(null)} />}
    </div>
  );
}
