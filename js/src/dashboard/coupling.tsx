// A device as a map: qubits and couplings coloured by a quantity, read by hover and keys.
import { useRef } from "preact/hooks";
import type { Device, Pair, Qubit } from "./model";
import { useWidth } from "./parts";
import { PAIRS, QUBITS, type Quantity, type Scale, ink, scale, shade, told, usable } from "./scale";

interface Props {
  device: Device;
  by: Quantity<Qubit>;
  /** The qubit that is looked at. */
  chosen: number;
  choose: (qubit: number) => void;
}

const ERROR = PAIRS[0]!;
const PAD = 18;
/** Qubits above which the map takes the whole width. */
export const LARGE = 60;
const FEW = 12;

/** Width of the map: a few qubits stand no further apart than a hand. */
function room({ places, aspect }: Device): number {
  const across = (places.length > LARGE ? 940 : 620) - 2 * PAD;
  const down = places.length > FEW ? across : 240;
  return Math.min(across, down / Math.max(aspect, 0.01));
}

export function CouplingMap({ device, by, chosen, choose }: Props) {
  const [box, width] = useWidth(420);
  const nodes = useRef(new Map<number, SVGGElement>());
  const inner = Math.min(room(device), width - 2 * PAD);
  const height = Math.max(inner * device.aspect, 0);
  const places = device.places.map(([x, y]) => [PAD + x * inner, PAD + y * height] as const);
  const radius = Math.min(15, Math.max(3.5, 0.36 * spacing(places)));
  const qubits = scale(device.qubits.map((q) => (by.key === "readout" && !usable(q.readout) ? undefined : q[by.key])), by.more);
  const pairs = scale(device.pairs.filter((p) => usable(p.error)).map((p) => p.error), false);
  const move = (event: KeyboardEvent) => {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!way) return;
    event.preventDefault();
    event.stopPropagation();
    const next = towards(places, chosen, way[0]!, way[1]!);
    choose(next);
    nodes.current.get(next)?.focus();
  };
  return (
    <div ref={box} class="qx-plot">
      <svg
        width={inner + 2 * PAD}
        height={height + 2 * PAD}
        class="qx-map"
        role="group"
        aria-label={`Coupling map of ${device.name}, qubits by ${by.name}; arrow keys go from qubit to qubit`}
        onKeyDown={move}
      >
        {device.pairs.map((pair) => (
          <Coupling key={`${pair.a},${pair.b}`} pair={pair} places={places} scale={pairs} radius={radius} near={pair.a === chosen || pair.b === chosen} />
        ))}
        {places.map(([x, y], i) => {
          const value = device.qubits[i]?.[by.key];
          const known = value !== undefined && qubits !== null;
          const at = known ? qubits.at(value) : 0;
          return (
            <g
              key={i}
              ref={(element) => void (element ? nodes.current.set(i, element) : nodes.current.delete(i))}
              class={`qx-qubit${i === chosen ? " qx-chosen" : ""}${known ? "" : " qx-unknown"}`}
              transform={`translate(${x} ${y})`}
              role="button"
              tabindex={i === chosen ? 0 : -1}
              aria-label={describe(device, i)}
              onClick={() => choose(i)}
              onMouseEnter={() => choose(i)}
              onFocus={() => choose(i)}
            >
              <circle r={radius} fill={known ? shade(at) : undefined} />
              {radius >= 7 && (
                <text y={radius * 0.33} style={{ fontSize: `${Math.min(11, radius * (i > 99 ? 0.85 : 1))}px` }} fill={known ? ink(at) : undefined}>
                  {i}
                </text>
              )}
            </g>
          );
        })}
      </svg>
      <div class="qx-scales">
        {qubits && <Ramp title={`qubits: ${by.name}`} of={by} scale={qubits} />}
        {pairs && <Ramp title={`couplings: ${device.two_qubit_gate ?? "gate"} error`} of={ERROR} scale={pairs} wide />}
      </div>
    </div>
  );
}

interface CouplingProps {
  pair: Pair;
  places: (readonly [number, number])[];
  scale: Scale | null;
  radius: number;
  near: boolean;
}

/** A line, thicker where the error is smaller; dashed where it is out of use or unknown. */
function Coupling({ pair, places, scale: of, radius, near }: CouplingProps) {
  const [a, b] = [places[pair.a], places[pair.b]];
  if (!a || !b) return null;
  const known = of !== null && pair.error !== undefined && usable(pair.error);
  const at = known ? of.at(pair.error!) : 0;
  const line = { x1: a[0], y1: a[1], x2: b[0], y2: b[1] };
  const thick = known ? Math.max(2, radius * (0.62 - 0.38 * at)) : 1.5;
  return (
    <>
      {near && <line {...line} class="qx-near" stroke-width={thick + 4} />}
      <line {...line} class={known ? "qx-coupling" : "qx-coupling qx-unknown"} stroke={known ? shade(at) : undefined} stroke-width={thick} />
    </>
  );
}

/** The colours with the best, middle and worst value, in their unit. */
function Ramp<T>({ title, of, scale: values, wide }: { title: string; of: Quantity<T>; scale: Scale; wide?: boolean }) {
  const [best, worst] = of.more ? [values.high, values.low] : [values.low, values.high];
  const stops = Array.from({ length: 8 }, (_, i) => shade(i / 7)).join(", ");
  return (
    <figure class="qx-ramp" aria-label={`${title}: best ${told(of, best)}, median ${told(of, values.median)}, worst ${told(of, worst)}`}>
      <figcaption>
        {title}
        <span class="qx-quiet">{wide ? " · thicker is better" : ""}</span>
      </figcaption>
      <span class="qx-ramp-bar" style={{ background: `linear-gradient(90deg, ${stops})` }} />
      <span class="qx-ramp-ends">
        <span>{told(of, best)}</span>
        <span class="qx-quiet">{`median ${told(of, values.median)}`}</span>
        <span>{told(of, worst)}</span>
      </span>
    </figure>
  );
}

/** All numbers of a qubit, and of its couplings, in words. */
export function describe(device: Device, qubit: number): string {
  const known = device.qubits[qubit] ?? {};
  const own = QUBITS.filter((q) => known[q.key] !== undefined).map((q) => `${q.name} ${told(q, known[q.key])}`);
  const couplings = device.pairs
    .filter((pair) => pair.a === qubit || pair.b === qubit)
    .map((pair) => {
      const other = pair.a === qubit ? pair.b : pair.a;
      if (pair.error === undefined) return `to ${other}`;
      return usable(pair.error) ? `to ${other}: ${told(ERROR, pair.error)}` : `to ${other}: out of use`;
    });
  const gate = device.two_qubit_gate ? `${device.two_qubit_gate} ` : "";
  return [`qubit ${qubit}`, ...own, couplings.length ? `${gate}${couplings.join(", ")}` : ""].filter(Boolean).join(" · ");
}

function spacing(places: (readonly [number, number])[]): number {
  let least = Infinity;
  for (let i = 0; i < places.length; i++) {
    for (let j = 0; j < i; j++) {
      const [a, b] = [places[i]!, places[j]!];
      least = Math.min(least, Math.hypot(a[0] - b[0], a[1] - b[1]));
    }
  }
  return Number.isFinite(least) ? least : 40;
}

/** The nearest qubit in a direction, or the same if there is none. */
export function towards(places: (readonly [number, number])[], from: number, dx: number, dy: number): number {
  const here = places[from];
  if (!here) return from;
  let [best, least] = [from, Infinity];
  places.forEach(([x, y], i) => {
    const along = (x - here[0]) * dx + (y - here[1]) * dy;
    const across = Math.abs((x - here[0]) * dy) + Math.abs((y - here[1]) * dx);
    if (i === from || along <= 1e-9 || across > along * 1.01) return;
    const distance = along + 2 * across;
    if (distance < least) [best, least] = [i, distance];
  });
  return best;
}
