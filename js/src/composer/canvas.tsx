import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { InputNode } from "../run/node";
import type { Box, Direction } from "../shared/layout";
import { Blank } from "./blank";
import { useDesk } from "./desk";
import { type Point, useDrag } from "./drag";
import { Edges, Pending } from "./edges";
import { nodeOf, stepAt } from "./find";
import { StepNode } from "./node";
import { type Arrow, exit, inputId, nearest, placed, stepId } from "./placement";
import { targets } from "./shape";
import { fit, reveal, tall, toWorld, zoom } from "./viewport";
import { useSize } from "./size";
import { useZoomByWheel } from "./wheel";
import { ZoomBar } from "./zoom-bar";

const NARROW = 520;

/** The graph of the workflow: place, connect, choose. */
export function Canvas({ fresh }: { fresh: boolean }) {
  const desk = useDesk();
  const { cell, run, select, setPlaces } = desk;
  const box = useRef<HTMLDivElement>(null);
  const room = useSize(box);
  const direction: Direction = room.width < NARROW ? "TB" : "LR";
  const [moving, setMoving] = useState<Record<string, [number, number]>>({});
  const places = { ...desk.places, ...moving };
  const layout = useMemo(
    () => placed(cell.steps, cell.inputs, direction, places, room.width - 48),
    [cell.steps, cell.inputs, direction, desk.places, moving, room.width],
  );
  const [view, setView] = useState(() => fit([...layout.nodes.values()], room));
  const [held, setHeld] = useState(false);
  const [from, connectFrom] = useState<string | null>(null);
  const [pointer, setPointer] = useState<Point | null>(null);
  const drag = useDrag();

  const fitAll = () => setView(fit([...layout.nodes.values()], room));
  useLayoutEffect(() => {
    if (!held && Object.keys(moving).length === 0) fitAll();
  }, [layout, room.width, room.height]);
  useZoomByWheel(box, (factor, x, y) => {
    setHeld(true);
    setView((now) => zoom(now, factor, x, y));
  });

  const open = from === null ? null : targets(cell.steps, from);
  const stop = () => {
    connectFrom(null);
    setPointer(null);
  };
  const connect = (to: string) => {
    if (from !== null && open?.has(to)) desk.edit({ do: "connect", from, to });
    stop();
  };
  const inWorld = (at: Point): Point => {
    const rect = box.current!.getBoundingClientRect();
    return toWorld(view, at.x - rect.left, at.y - rect.top);
  };
  const focus = (name: string) => {
    const spot = layout.nodes.get(stepId(name));
    if (spot) setView((now) => reveal(now, spot, room));
    nodeOf(box.current, name)?.focus({ preventScroll: true });
  };
  const walk = (name: string, arrow: Arrow) => {
    const boxes = new Map<string, Box>();
    for (const step of cell.steps) {
      const reachable = !open || open.has(step.name) || step.name === from;
      const spot = layout.nodes.get(stepId(step.name));
      if (spot && step.name !== name && reachable) boxes.set(step.name, spot);
    }
    const next = nearest(boxes, layout.nodes.get(stepId(name))!, arrow);
    if (next) focus(next);
  };
  const put = (name: string, x: number, y: number) =>
    setPlaces({ ...desk.places, [name]: [Math.round(x), Math.round(y)] });

  const dragNode = (name: string, event: PointerEvent) => {
    const start = layout.nodes.get(stepId(name))!;
    const shift = (at: Point): [number, number] => [
      start.x + (at.x - event.clientX) / view.scale,
      start.y + (at.y - event.clientY) / view.scale,
    ];
    drag(event, {
      move: (at) => {
        setHeld(true);
        setMoving({ [name]: shift(at) });
      },
      drop: (at) => {
        put(name, ...shift(at));
        setMoving({});
      },
      cancel: () => setMoving({}),
    });
  };
  const dragPort = (name: string, event: PointerEvent) => {
    event.stopPropagation();
    drag(event, {
      move: (at) => {
        connectFrom(name);
        setPointer(inWorld(at));
      },
      drop: (at) => {
        const to = stepAt(at);
        if (to && targets(cell.steps, name).has(to)) desk.edit({ do: "connect", from: name, to });
        stop();
      },
      cancel: stop,
    });
  };
  const pan = (event: PointerEvent) => {
    if (event.button !== 0 || !(event.target instanceof Element)) return;
    if (event.target.closest("button, [role=button]")) return;
    const start = view;
    drag(event, {
      move: (at) => {
        setHeld(true);
        setView({ ...start, x: start.x + at.x - event.clientX, y: start.y + at.y - event.clientY });
      },
      drop: () => undefined,
      still: () => {
        select(null);
        stop();
      },
    });
  };
  const live = new Map(run && fresh ? run.steps.map((step) => [step.name, step]) : []);
  return (
    <div
      class={`qfc-canvas${from ? " qfc-connecting" : ""}`}
      ref={box}
      role="group"
      aria-label={`Steps of ${cell.name || "the workflow"}`}
      tabIndex={-1}
      data-qfc-canvas
      onPointerDown={pan}
      onKeyDown={(event) => {
        if (event.key === "Escape") from === null ? select(null) : stop();
      }}
      style={{ "--qfc-x": `${view.x}px`, "--qfc-y": `${view.y}px`, "--qfc-scale": view.scale, height: direction === "TB" ? `${tall([...layout.nodes.values()], room.width)}px` : undefined }}
    >
      {cell.steps.length === 0 && <Blank />}
      <div class="qfc-world">
        {cell.inputs.map((input) => {
          const spot = layout.nodes.get(inputId(input.name));
          return spot && <InputNode key={input.name} input={input} box={spot} />;
        })}
        {cell.steps.map((step) => (
          <StepNode
            key={step.name}
            step={step}
            box={layout.nodes.get(stepId(step.name))!}
            direction={direction}
            compact={layout.compact}
            live={live.get(step.name)}
            role={from === null ? null : step.name === from ? "from" : open?.has(step.name) ? "open" : "shut"}
            on={{ connectFrom, connect, dragNode, dragPort, walk, put, stop }}
          />
        ))}
        <Edges layout={layout} live={live} focus={focus} />
        {from !== null && pointer && layout.nodes.get(stepId(from)) && (
          <Pending from={exit(layout.nodes.get(stepId(from))!, direction)} to={pointer} direction={direction} />
        )}
      </div>
      <p class={from === null ? "qf-hidden" : "qfc-banner"} role="status">
        {from !== null && prompt(from, open?.size ?? 0)}
      </p>
      {cell.steps.length > 0 && (
        <ZoomBar
          scale={view.scale}
          zoom={(factor) => {
            setHeld(true);
            setView(zoom(view, factor, room.width / 2, room.height / 2));
          }}
          fit={() => {
            setHeld(false);
            fitAll();
          }}
          tidy={
            Object.keys(desk.places).length > 0
              ? () => {
                  setHeld(false);
                  setPlaces({});
                }
              : undefined
          }
        />
      )}
    </div>
  );
}

function prompt(from: string, open: number): string {
  if (open === 0) return `No step can take the value of ${from}. Esc goes back.`;
  return `Which step takes ${from}? Arrows and Enter, or click. Esc goes back.`;
}
