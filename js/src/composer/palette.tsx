import { useState } from "preact/hooks";
import { Circuits } from "./circuits";
import { KindIcon } from "../shared/icons";
import { selectedStep, useDesk } from "./desk";
import { Piece } from "./piece";

/** Kinds whose steps begin a graph: a new one takes no value of the selected step. */
const FIRST = new Set(["circuit", "observable"]);

/** What can be added: drag it onto the canvas, or press Enter. */
export function Palette() {
  const desk = useDesk();
  const { palette, edit } = desk;
  const [filter, setFilter] = useState("");
  const step = selectedStep(desk);
  const add = (kind: string, needs: string | null) =>
    edit({ do: "add", kind, ...(needs !== null && !FIRST.has(kind) && { needs: [needs] }) });
  return (
    <section class="qfc-palette" aria-label="Palette">
      <h4 class="qfc-heading">Steps</h4>
      <ul class="qfc-pieces qfc-kinds">
        {palette.kinds.map(({ kind, title, hint }) => (
          <li key={kind}>
            <Piece
              title={title}
              hint={hint}
              icon={<KindIcon kind={kind} />}
              press={() => add(kind, step?.name ?? null)}
              drop={(onto) => add(kind, onto)}
            />
          </li>
        ))}
      </ul>
      {step && (
        <p class="qfc-aside">
          Steps pressed here take the value of <b>{step.name}</b>.
        </p>
      )}
      <h4 class="qfc-heading">Circuits</h4>
      <Circuits filter={filter} setFilter={setFilter} />
    </section>
  );
}
