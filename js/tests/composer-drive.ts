// Shows the composer and does to it what a person does.
import { act } from "preact/test-utils";
import widget from "../src/composer/index";
import type { Traits } from "../src/composer/model";
import { FakeComposer, cell } from "./composer-fake";

export function compose(traits: Partial<Traits> = {}) {
  const model = new FakeComposer({ cell: cell(), ...traits });
  const el = document.body.appendChild(document.createElement("div"));
  let dispose = () => {};
  act(() => {
    dispose = widget.render({ model: model as never, el });
  });
  const all = <E extends Element = HTMLElement>(selector: string) => [...el.querySelectorAll<E>(selector)];
  const button = (name: string): HTMLButtonElement => {
    const found = all<HTMLButtonElement>("button").find((one) => nameOf(one) === name);
    if (!found) throw new Error(`no button '${name}' among: ${all("button").map(nameOf).join(" | ")}`);
    return found;
  };
  const labelled = <E extends HTMLElement = HTMLInputElement>(label: string): E => {
    const byName = el.querySelector<E>(`[aria-label="${label}"]`);
    const words = all<HTMLLabelElement>("label").find((one) => one.textContent === label);
    const found = byName ?? (words && el.querySelector<E>(`[id="${words.htmlFor}"]`));
    if (!found) throw new Error(`nothing is labelled '${label}'`);
    return found;
  };
  const node = (name: string) => el.querySelector<HTMLButtonElement>(`[data-step="${name}"]`)!;
  const told = (event: string, ...args: unknown[]) => act(() => model.emit(event, ...args));
  const show = (next: Traits["cell"]) => act(() => model.set("cell", next));
  return { model, el, all, button, labelled, node, told, show, dispose: () => act(dispose) };
}

const nameOf = (button: Element): string =>
  button.getAttribute("aria-label") ?? button.querySelector(".qfc-piece-title")?.textContent ?? button.textContent ?? "";

export const click = (target: Element) =>
  act(() => void target.dispatchEvent(new MouseEvent("click", { bubbles: true })));

export const key = (target: Element, name: string, more: KeyboardEventInit = {}) =>
  act(() => {
    target.dispatchEvent(new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true, ...more }));
  });

type Typed = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement;

export const write = (target: Typed, text: string) =>
  act(() => {
    target.value = text;
    target.dispatchEvent(new Event("input", { bubbles: true }));
  });

export const pick = (target: Typed, text: string) =>
  act(() => {
    target.value = text;
    target.dispatchEvent(new Event("change", { bubbles: true }));
  });

export const leave = (target: Element) => act(() => void target.dispatchEvent(new FocusEvent("blur")));

/** Presses a pointer on something, moves it to a place, lets go, and waits for the click after. */
export const dragTo = (target: Element, x: number, y: number) =>
  act(async () => {
    const at = (type: string, clientX: number, clientY: number) =>
      new PointerEvent(type, { bubbles: true, button: 0, pointerType: "mouse", clientX, clientY });
    target.dispatchEvent(at("pointerdown", 10, 10));
    window.dispatchEvent(at("pointermove", x, y));
    window.dispatchEvent(at("pointerup", x, y));
    target.dispatchEvent(new MouseEvent("click", { bubbles: true }));
    await new Promise((resolve) => setTimeout(resolve, 5));
  });
