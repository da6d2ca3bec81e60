import { Glyph } from "../shared/icons";

interface Props {
  scale: number;
  zoom: (factor: number) => void;
  fit: () => void;
  tidy: (() => void) | undefined;
}

export function ZoomBar({ scale, zoom, fit, tidy }: Props) {
  return (
    <div class="qfc-zoom" role="group" aria-label="View of the graph">
      {tidy && <Tool glyph="tidy" name="Put all steps back in order" press={tidy} />}
      <Tool glyph="fit" name="Show the whole graph" press={fit} />
      <Tool glyph="minus" name="Zoom out" press={() => zoom(1 / 1.25)} />
      <span class="qf-number">{Math.round(scale * 100)} %</span>
      <Tool glyph="plus" name="Zoom in" press={() => zoom(1.25)} />
    </div>
  );
}

interface ToolProps {
  glyph: string;
  name: string;
  press: () => void;
  disabled?: boolean;
}

/** A button that shows a sign only; its name is told on hover and to screen readers. */
export function Tool({ glyph, name, press, disabled = false }: ToolProps) {
  return (
    <button type="button" class="qfc-tool" aria-label={name} title={name} disabled={disabled} onClick={press}>
      <Glyph name={glyph} />
    </button>
  );
}
