import { describe, expect, test } from "vitest";
import { brief, clock, grouped, news, progress, reference, sentence, share, summary, word } from "../src/lab/runs";
import { NOW, row } from "./lab-fake";

const DAY = 86_400;

describe("a run in words", () => {
  test("tells how far it is, also while nobody knows how far it goes", () => {
    expect(progress(row("a"))).toBe("3 of 3 points");
    expect(progress(row("a", { total: 1 , done: 0 }))).toBe("0 of 1 point");
    expect(progress(row("a", { total: 12_000, done: 1_500, failed: 2 }))).toBe("1,500 of 12,000 points, 2 failed");
    expect(progress(row("a", { total: null }))).toBe("3 points");
    expect([share(row("a")), share(row("a", { total: null }))]).toEqual(["3 of 3", "3"]);
  });

  test("tells how long it takes, or how long ago it began", () => {
    expect(clock(row("a", { state: "running" }), NOW)).toBe("2 min 00 s");
    expect(clock(row("a"), NOW)).toBe("2 min ago");
    // A clock that is behind shows no negative time.
    expect(clock(row("a", { started: NOW + 5, state: "running" }), NOW)).toBe("0 ms");
  });

  test("names two backends and counts the others", () => {
    expect(summary(row("a"))).toBe("4.1 s · aer");
    expect(summary(row("a", { elapsed: null, backends: [] }))).toBe("");
    expect(summary(row("a", { cost: "5.00 USD" }))).toBe("4.1 s · 5.00 USD · aer");
    expect(share(row("a", { state: "running", done: 1, cost: "5.00 USD" }))).toBe("1 of 3 · 5.00 USD");
    expect(summary(row("a", { backends: ["x", "y", "z", "w"] }))).toBe("4.1 s · x, y +2");
  });

  test("is cancelling until it has ended", () => {
    expect(word(row("a", { state: "running" }), true)).toBe("cancelling");
    expect(word(row("a", { state: "cancelled" }), true)).toBe("cancelled");
  });

  test("is one sentence for a screen reader", () => {
    expect(sentence(row("a"), false, NOW)).toBe("a, run 1, done, 3 of 3 points, 4.1 s, aer, 2 min ago");
    const live = row("a", { state: "running", done: 1 });
    expect(sentence(live, true, NOW)).toBe("a, run 1, cancelling, 1 of 3 points, 2 min 00 s");
  });

  test("is kept in a home that goes by its end", () => {
    expect(["/data/me/study/.qflow", "/srv/q", "C:\\me\\study\\.qflow"].map(brief)).toEqual([
      "…/study/.qflow",
      "/srv/q",
      "…/study/.qflow",
    ]);
  });

  test("goes by its name only while it is the newest", () => {
    const rows = [row("a", { run: "x", number: 2 }), row("a", { run: "y", number: 1 }), row("b")];
    expect(rows.map((each) => reference(each, rows))).toEqual(["a", "y", "b"]);
  });
});

describe("runs in groups", () => {
  test("stand by day, those that go on first", () => {
    const noon = new Date(2026, 4, 20, 12).getTime() / 1000;
    const rows = [
      row("r", { state: "running", started: noon - 3 * DAY }),
      row("a", { started: noon - 60 }),
      row("b", { started: noon - DAY }),
      row("c", { started: noon - 5 * DAY }),
      row("d", { started: noon - 40 * DAY }),
    ];
    expect(grouped(rows, noon).map(({ title, rows: its }) => [title, its.map((each) => each.name)])).toEqual([
      ["Running", ["r"]],
      ["Today", ["a"]],
      ["Yesterday", ["b"]],
      ["Last 7 days", ["c"]],
      ["Earlier", ["d"]],
    ]);
  });
});

describe("what a screen reader is told", () => {
  test("is what has begun or ended, not every point", () => {
    const before = [row("a", { state: "running", done: 1 }), row("b")];
    expect(news(before, [row("a", { state: "running", done: 2 }), row("b")])).toBe("");
    expect(news(before, [row("a"), row("b")])).toBe("a:1 done");
    expect(news(before, [row("c", { state: "running" }), ...before])).toBe("c:1 running");
    // Older runs that come into the list are no news.
    expect(news(before, [...before, row("old")])).toBe("");
  });
});
