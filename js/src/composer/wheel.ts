import { useEffect } from "preact/hooks";

/** Ctrl and the wheel zoom, as a pinch does; the wheel alone scrolls the notebook. */
export function useZoomByWheel(
  box: { current: HTMLElement | null },
  act: (factor: number, x: number, y: number) => void,
): void {
  useEffect(() => {
    const canvas = box.current;
    if (!canvas) return;
    const controller = new AbortController();
    const turn = (event: WheelEvent) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      const rect = canvas.getBoundingClientRect();
      act(Math.exp(-event.deltaY / 300), event.clientX - rect.left, event.clientY - rect.top);
    };
    canvas.addEventListener("wheel", turn, { passive: false, signal: controller.signal });
    return () => controller.abort();
  }, []);
}
