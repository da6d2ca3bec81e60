import { describe, expect, test } from "vitest";
import { type Kind, marks } from "../src/lab/magic";

/** The words of a line with their kinds. */
function kinds(text: string, first = true): [string, Kind][] {
  return marks(text, first).map(({ from, to, kind }) => [text.slice(from, to), kind]);
}

describe("a magic line", () => {
  test("has a name, options and values", () => {
    expect(kinds("%%qflow bell --backend aer,fez --shots=1000 --plan # two")).toEqual([
      ["%%qflow", "magic"],
      ["bell", "name"],
      ["--backend", "option"],
      ["aer,fez", "value"],
      ["--shots", "option"],
      ["1000", "number"],
      ["--plan", "option"],
      ["# two", "comment"],
    ]);
  });

  test("keeps quoted words together, also while the quote is open", () => {
    expect(kinds('%%qflow a --budget "20 USD" --set \'x=[1, 2]\'').slice(2)).toEqual([
      ["--budget", "option"],
      ['"20 USD"', "text"],
      ["--set", "option"],
      ["'x=[1, 2]'", "text"],
    ]);
    expect(kinds('%%qflow a --budget "20 US').at(-1)).toEqual(['"20 US', "text"]);
  });

  test("lets names of backends stand apart behind a comma", () => {
    expect(kinds("%%qflow a --among x, y --plan").slice(3)).toEqual([
      ["x,", "value"],
      ["y", "value"],
      ["--plan", "option"],
    ]);
  });

  test("marks what cannot become right by typing on, and says why", () => {
    expect(kinds("%%qflow a --sho 3").slice(2)).toEqual([["--sho", "option"], ["3", "number"]]);
    expect(marks("%%qflow a --colour red", true)[2]).toEqual({
      from: 10,
      to: 18,
      kind: "wrong",
      why: "%%qflow has no option --colour",
    });
    expect(marks("%%qflow a --policy slow", true).at(-1)?.why).toBe(
      "--policy is one of cheapest, fastest, balanced",
    );
    expect(marks("%%qflow a --plan now", true).at(-1)?.why).toBe("now belongs to no option");
  });

  test("takes the value of an option that may go without one only behind =", () => {
    expect(kinds("%%qflow a --fresh=counts").slice(2)).toEqual([["--fresh", "option"], ["counts", "value"]]);
    expect(kinds("%%qflow a --fresh counts").at(-1)).toEqual(["counts", "wrong"]);
  });

  test("is the first line alone, and ours alone", () => {
    expect(kinds("%%qflow a", false)).toEqual([]);
    for (const text of ["%%qflows a", "%%time", "x = 1", "# %%qflow a", "%qf a", ""]) expect(kinds(text)).toEqual([]);
    expect(kinds("%%qflow")).toEqual([["%%qflow", "magic"]]);
  });
});

describe("a line of %qflow", () => {
  test("has a command, its options and values, wherever it stands", () => {
    expect(kinds("  %qflow history bell --limit 5", false)).toEqual([
      ["%qflow", "magic"],
      ["history", "option"],
      ["bell", "value"],
      ["--limit", "option"],
      ["5", "number"],
    ]);
  });

  test("leaves SQL alone and knows its commands", () => {
    expect(kinds("%qflow sql select * from qf_runs")).toEqual([["%qflow", "magic"], ["sql", "option"]]);
    expect(kinds("%qflow histroy")).toEqual([["%qflow", "magic"], ["histroy", "wrong"]]);
    expect(kinds("%qflow load a --force").at(-1)).toEqual(["--force", "wrong"]);
  });
});
