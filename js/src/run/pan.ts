/** Lets a box that overflows be dragged with the mouse; returns what undoes it. */
export function dragToScroll(box: HTMLElement): () => void {
  const controller = new AbortController();
  const { signal } = controller;
  let from: { x: number; y: number; left: number; top: number } | null = null;
  const start = (event: PointerEvent) => {
    const onNode = event.target instanceof Element && event.target.closest("button");
    if (event.button !== 0 || event.pointerType !== "mouse" || onNode) return;
    from = { x: event.clientX, y: event.clientY, left: box.scrollLeft, top: box.scrollTop };
    box.setPointerCapture(event.pointerId);
  };
  const move = (event: PointerEvent) => {
    if (!from) return;
    box.scrollLeft = from.left - (event.clientX - from.x);
    box.scrollTop = from.top - (event.clientY - from.y);
  };
  const stop = () => {
    from = null;
  };
  box.addEventListener("pointerdown", start, { signal });
  box.addEventListener("pointermove", move, { signal });
  box.addEventListener("pointerup", stop, { signal });
  box.addEventListener("pointercancel", stop, { signal });
  return () => controller.abort();
}
