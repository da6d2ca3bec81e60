// The magic line, word by word, for its colours. What is right or wrong is told by the kernel;
// here only words that cannot become right by typing on are marked.
import words from "./words.json";

export type Kind = "magic" | "name" | "option" | "value" | "number" | "text" | "comment" | "wrong";

export interface Mark {
  from: number;
  to: number;
  kind: Kind;
  /** What is wrong with it. */
  why?: string;
}

interface Option {
  name: string;
  value: string;
  choices: string[];
}

const OPTIONS: Option[] = words.options;
const COMMANDS: Record<string, string[]> = words.commands;

const CELL = /^\s*%%qflow(?=\s|$)/;
const LINE = /^\s*%qflow(?=\s|$)/;
// As in a shell: quotes keep spaces together, also in the middle of a word.
const WORD = /(?:"(?:\\.|[^"\\])*"?|'[^']*'?|\\.|[^\s"'\\])+/g;
const NUMBER = /^[+-]?(\d[\d_]*\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** Whether a cell with this first line is ours. */
export const isMagicLine = (text: string): boolean => CELL.test(text);

/** The marks of a line; none if it is no magic line of ours. */
export function marks(text: string, first: boolean): Mark[] {
  const cell = first ? CELL.exec(text) : null;
  if (cell) return cellMarks(text, cell[0].length);
  const line = LINE.exec(text);
  return line ? lineMarks(text, line[0].length) : [];
}

interface Word {
  from: number;
  to: number;
  text: string;
}

function* split(text: string, from: number): Generator<Word> {
  WORD.lastIndex = from;
  for (let found = WORD.exec(text); found; found = WORD.exec(text)) {
    const at = found.index;
    if (found[0].startsWith("#")) {
      yield { from: at, to: text.length, text: "#" };
      return;
    }
    yield { from: at, to: at + found[0].length, text: found[0] };
  }
}

const magic = (text: string, end: number): Mark => ({
  from: end - text.slice(0, end).trimStart().length,
  to: end,
  kind: "magic",
});

function cellMarks(text: string, end: number): Mark[] {
  const found: Mark[] = [magic(text, end)];
  const rest = split(text, end);
  /** The option that waits for its value; one that nobody knows may take one. */
  let due: Option | undefined | null = null;
  let named = false;
  for (const word of rest) {
    const { from, to } = word;
    if (word.text === "#") found.push({ from, to, kind: "comment" });
    else if (!named) {
      named = true;
      found.push({ from, to, kind: "name" });
    } else if (word.text.startsWith("--")) {
      const [typed = "", value] = parted(word.text);
      const option = OPTIONS.find((each) => each.name === typed);
      const end = from + typed.length;
      found.push(optionMark(from, end, typed, option !== undefined));
      due = value === undefined && (!option || needsValue(option)) ? option : null;
      if (value) found.push(valueMark(end + 1, to, value, option));
    } else if (due !== null) {
      found.push(valueMark(from, to, word.text, due));
      // Names may stand apart after a comma.
      due = word.text.endsWith(",") ? due : null;
    } else {
      found.push({ from, to, kind: "wrong", why: `${word.text} belongs to no option` });
    }
  }
  return found;
}

function lineMarks(text: string, end: number): Mark[] {
  const found: Mark[] = [magic(text, end)];
  let options: string[] | undefined;
  for (const { from, to, text: word } of split(text, end)) {
    if (!options) {
      options = COMMANDS[word] ?? [];
      const known = Object.keys(COMMANDS).some((each) => each.startsWith(word));
      found.push(known ? { from, to, kind: "option" } : wrong(from, to, `%qflow has no command ${word}`));
      // SQL has colours of its own.
      if (word === "sql") return found;
    } else if (word === "#") found.push({ from, to, kind: "comment" });
    else if (word.startsWith("--")) {
      const [typed = "", value] = parted(word);
      const known = options.some((each) => each.startsWith(typed));
      const kind = known ? "option" : "wrong";
      found.push({ from, to: from + typed.length, kind });
      if (value) found.push(valueMark(from + typed.length + 1, to, value));
    } else found.push(valueMark(from, to, word));
  }
  return found;
}

function optionMark(from: number, to: number, typed: string, known: boolean): Mark {
  const begun = OPTIONS.some((each) => each.name.startsWith(typed));
  return known || begun ? { from, to, kind: "option" } : wrong(from, to, `%%qflow has no option ${typed}`);
}

function valueMark(from: number, to: number, text: string, option?: Option): Mark {
  const { choices = [], name = "" } = option ?? {};
  const plain = text.replace(/["']/g, "");
  if (choices.length > 0 && !choices.some((each) => each.startsWith(plain))) {
    return wrong(from, to, `${name} is one of ${choices.join(", ")}`);
  }
  if (/["']/.test(text)) return { from, to, kind: "text" };
  return { from, to, kind: NUMBER.test(text) ? "number" : "value" };
}

const wrong = (from: number, to: number, why: string): Mark => ({ from, to, kind: "wrong", why });

/** `--shots=10` in two; the value is missing without `=`. */
function parted(word: string): [string, string?] {
  const at = word.indexOf("=");
  return at < 0 ? [word] : [word.slice(0, at), word.slice(at + 1)];
}

/** In brackets a value may be left out, and then stands behind `=` only. */
const needsValue = (option: Option): boolean => option.value !== "" && !option.value.startsWith("[");
