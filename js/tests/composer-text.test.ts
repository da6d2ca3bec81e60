import { act } from "preact/test-utils";
import { describe, expect, test, vi } from "vitest";
import { cell } from "./composer-fake";
import { click, compose, key, write } from "./composer-drive";

describe("the text", () => {
  test("is copied, and asked for as a cell", async () => {
    const copied = vi.fn(async () => undefined);
    vi.stubGlobal("navigator", { ...navigator, clipboard: { writeText: copied } });
    const { model, button } = compose();
    click(button("Text"));
    await act(async () => click(button("Copy")));
    expect(copied).toHaveBeenCalledWith(cell().text);
    expect(model.sent).toEqual([{ type: "write" }]);
    vi.unstubAllGlobals();
  });

  test("that is refused stays to be mended; one that is taken closes the editor", () => {
    const { model, button, labelled, told, show, el } = compose();
    click(button("Text"));
    click(button("Edit text"));
    const area = () => labelled<HTMLTextAreaElement>("Text of the cell");
    write(area(), "%%qflow (");
    key(area(), "Enter", { ctrlKey: true });
    told("msg:custom", { type: "refused", op: model.ops[0], message: "no name" });
    expect(area().value).toBe("%%qflow (");
    expect(el.querySelector("[role=alert]")!.textContent).toBe("no name");
    click(button("Apply"));
    show(cell({ revision: 8 }));
    expect(el.querySelector("textarea")).toBeNull();
  });
});
