// Text in the making: the kernel's until it is touched, then the person's until it is sent.
import { useEffect, useRef, useState } from "preact/hooks";
import { useDesk } from "./desk";

export interface Draft {
  text: string;
  /** True when it says something else than the kernel. */
  dirty: boolean;
  set: (text: string) => void;
  commit: () => void;
  /** The same on leaving, unless that was sent already. */
  leave: () => void;
  /** What an input or textarea needs: Enter or leaving it commits, Escape gives up. */
  input: {
    value: string;
    onInput: (event: { currentTarget: { value: string } }) => void;
    onBlur: () => void;
    onKeyDown: (event: KeyboardEvent) => void;
  };
}

const asIs = (text: string): string => text;
export const trimmed = (text: string): string => text.trim();

export function useDraft(
  truth: string,
  send: (text: string) => void,
  tidy: (text: string) => string = asIs,
): Draft {
  const [text, setText] = useState<string | null>(null);
  const now = useRef<string | null>(null);
  const sent = useRef<string | null>(null);
  const { forgive } = useDesk();
  const put = (value: string | null) => {
    now.current = value;
    setText(value);
  };
  /** By a person: what was held against the text before is past. */
  const set = (value: string | null) => {
    forgive();
    put(value);
  };
  // What was sent is shown until the kernel answers, so that nothing flickers.
  useEffect(() => {
    sent.current = null;
    put(null);
  }, [truth]);
  const commit = () => {
    if (now.current === null) return;
    const text = tidy(now.current);
    if (text === truth) return put(null);
    sent.current = now.current;
    send(text);
  };
  // Not once more what Enter has sent, and the kernel perhaps refused.
  const leave = () => {
    if (now.current !== sent.current) commit();
  };
  return {
    text: text ?? truth,
    dirty: text !== null && text !== truth,
    set,
    commit,
    leave,
    input: {
      value: text ?? truth,
      onInput: (event) => set(event.currentTarget.value),
      onBlur: leave,
      onKeyDown: (event) => {
        if (event.key === "Enter") commit();
        else if (event.key === "Escape" && now.current !== null) set(null);
        else return;
        event.preventDefault();
        event.stopPropagation();
      },
    },
  };
}
