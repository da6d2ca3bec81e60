// The range of a slider, found from the value it starts at.

export interface Range {
  min: number;
  max: number;
  step: number;
}

/** From zero to about twice the value (both ways for a negative one), in a hundred steps. */
export function around(value: number, whole: boolean): Range {
  const reach = nice(2 * Math.abs(value)) || (whole ? 10 : 1);
  const max = whole ? Math.max(10, reach) : reach;
  return {
    min: value < 0 ? -max : 0,
    max,
    step: whole ? Math.max(1, Math.floor(max / 100)) : max / 100,
  };
}

/** The next of 1, 2, 5 and their powers of ten, not below `value`. */
function nice(value: number): number {
  if (value === 0) return 0;
  const power = 10 ** Math.floor(Math.log10(value));
  const factor = [1, 2, 5, 10].find((one) => one * power >= value * (1 - 1e-9)) ?? 10;
  return factor * power;
}

/** The value as one would write it, without digits that the step does not have. */
export function rounded(value: number, { step }: Range): string {
  if (step >= 1) return String(Math.round(value));
  const digits = Math.ceil(-Math.log10(step));
  const text = value.toFixed(digits);
  return text.includes(".") ? text.replace(/(\.\d)(\d*?)0+$/, "$1$2") : text;
}
