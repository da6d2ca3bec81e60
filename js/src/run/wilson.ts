/** 95 % score interval for a probability of which `k` in `n` were seen; as intervals.py. */
export function wilson(k: number, n: number): [number, number] {
  if (n <= 0) return [0, 1];
  const z = 1.959963984540054;
  const p = k / n;
  const scale = 1 + (z * z) / n;
  const middle = (p + (z * z) / (2 * n)) / scale;
  const half = (z / scale) * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n));
  return [k <= 0 ? 0 : middle - half, k >= n ? 1 : middle + half];
}
