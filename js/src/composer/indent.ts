// What Tab and Enter do to a text of Python.

export interface Change {
  /** Replaced are the characters from `start` to `end`. */
  start: number;
  end: number;
  text: string;
  /** Selected afterwards. */
  select: [number, number];
}

const STEP = "    ";
const lineStart = (text: string, at: number): number => text.lastIndexOf("\n", at - 1) + 1;

/** Spaces at the caret; or all the selected lines further in, or out. */
export function indent(text: string, from: number, to: number, out: boolean): Change {
  const line = lineStart(text, from);
  if (!out && !text.slice(from, to).includes("\n")) {
    const spaces = " ".repeat(STEP.length - ((from - line) % STEP.length));
    return { start: from, end: to, text: spaces, select: [from + spaces.length, from + spaces.length] };
  }
  const old = text.slice(line, to).split("\n");
  const shift = (one: string) => (out ? one.replace(/^ {1,4}/, "") : one && STEP + one);
  const lines = old.map(shift);
  const moved = (lines[0]?.length ?? 0) - (old[0]?.length ?? 0);
  const start = Math.max(line, from + moved);
  const changed = lines.join("\n");
  const end = Math.max(start, line + changed.length);
  return { start: line, end: to, text: changed, select: [start, end] };
}

/** A new line as far in as the one before, and further after a colon. */
export function opened(text: string, from: number, to: number): Change {
  const before = text.slice(lineStart(text, from), from);
  const depth = /^ */.exec(before)![0] + (/:\s*$/.test(before) ? STEP : "");
  const at = from + 1 + depth.length;
  return { start: from, end: to, text: `\n${depth}`, select: [at, at] };
}
