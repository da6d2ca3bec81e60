import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { watch } from "../src/lab/watch";

let visibility = "visible";

beforeEach(() => {
  vi.useFakeTimers();
  visibility = "visible";
  vi.spyOn(document, "visibilityState", "get").mockImplementation(() => visibility as never);
});
afterEach(() => vi.useRealTimers());

const later = (seconds: number) => vi.advanceTimersByTimeAsync(1000 * seconds);

function hide(yes: boolean) {
  visibility = yes ? "hidden" : "visible";
  document.dispatchEvent(new Event("visibilitychange"));
}

describe("the sidebar asks", () => {
  test("while it and the document are visible, and at no other time", async () => {
    const ask = vi.fn(async () => true);
    const watching = watch(ask, () => 2);
    await later(10);
    expect(ask).toHaveBeenCalledTimes(0);
    watching.shown(true);
    await later(3);
    expect(ask).toHaveBeenCalledTimes(2);
    hide(true);
    await later(60);
    expect(ask).toHaveBeenCalledTimes(2);
    hide(false);
    await later(1);
    expect(ask).toHaveBeenCalledTimes(3);
    watching.shown(false);
    await later(60);
    expect(ask).toHaveBeenCalledTimes(3);
    watching.dispose();
  });

  test("once at a time, and once more if it was asked to meanwhile", async () => {
    let answer: (yes: boolean) => void = () => {};
    const ask = vi.fn(() => new Promise<boolean>((resolve) => (answer = resolve)));
    const watching = watch(ask, () => 1);
    watching.shown(true);
    watching.ask();
    watching.ask();
    await later(30);
    expect(ask).toHaveBeenCalledTimes(1);
    answer(true);
    await later(0);
    expect(ask).toHaveBeenCalledTimes(2);
    watching.dispose();
  });

  test("less often if an answer takes long, but at least every few seconds", async () => {
    const took = [0.5, 60];
    const ask = vi.fn(async () => {
      await new Promise((resolve) => setTimeout(resolve, 1000 * (took.shift() ?? 0)));
      return true;
    });
    const watching = watch(ask, () => 1);
    watching.shown(true);
    await later(0.5 + 1.9);
    expect(ask).toHaveBeenCalledTimes(1);
    await later(0.2);
    expect(ask).toHaveBeenCalledTimes(2);
    await later(60 + 4.5);
    expect(ask).toHaveBeenCalledTimes(2);
    await later(0.6);
    expect(ask).toHaveBeenCalledTimes(3);
    watching.dispose();
  });

  test("more and more seldom while there is no answer", async () => {
    const ask = vi.fn(async () => false);
    const watching = watch(ask, () => 1);
    watching.shown(true);
    await later(31);
    expect(ask).toHaveBeenCalledTimes(5);
    ask.mockImplementation(async () => true);
    await later(17);
    const before = ask.mock.calls.length;
    await later(5);
    expect(ask.mock.calls.length - before).toBeGreaterThanOrEqual(5);
    watching.dispose();
  });
});
