import { act } from "preact/test-utils";
import { describe, expect, test, vi } from "vitest";
import { cell, step } from "./composer-fake";
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

  test("that was refused is not refused any more while it is written anew", () => {
    const { model, button, labelled, told, el } = compose();
    const alerts = () => [...el.querySelectorAll("[role=alert]")].map((one) => one.textContent);
    click(button("Text"));
    click(button("Edit text"));
    const area = () => labelled<HTMLTextAreaElement>("Text of the cell");
    write(area(), "%%qflow (");
    key(area(), "Enter", { ctrlKey: true });
    told("msg:custom", { type: "refused", op: model.ops[0], message: "no name" });
    expect(alerts()).toEqual(["no name"]);
    write(area(), "%%qflow t");
    expect(alerts()).toEqual([]);
  });
});

test("what is refused at a field goes when it is typed anew, given up, or left behind", () => {
  const { el, told, labelled, node, button } = compose();
  click(node("counts"));
  const alerts = () => [...el.querySelectorAll("[role=alert]")].map((one) => one.textContent);
  const refuse = () => told("msg:custom", { type: "refused", op: { do: "rename", step: "counts", to: "for" }, message: "no" });
  const name = () => labelled("Name of the step");
  write(name(), "for");
  refuse();
  expect(alerts()).toEqual(["no"]);
  write(name(), "four");
  expect(alerts()).toEqual([]);
  refuse();
  key(name(), "Escape");
  expect(alerts()).toEqual([]);
  refuse();
  click(button("Workflow"));
  click(node("counts"));
  expect(alerts()).toEqual([]);
});

test("what a step asks for and nothing has is missing", () => {
  const steps = [step("counts", { kind: "sample", needs: ["decay", "site"], inputs: ["site"] })];
  const { el, node } = compose({ cell: cell({ steps }) });
  click(node("counts"));
  expect([...el.querySelectorAll(".qfc-chip")].map((one) => one.textContent)).toEqual(["decay missing", "site"]);
});
