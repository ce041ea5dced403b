/**
 * The range that a true rate likely lies in, when it was seen `good` times of `all`: Wilson's interval, 95 %
 * (E. B. Wilson, 1927). Of nothing it is all that there is.
 */
export function likely(good: number, all: number): [low: number, high: number] {
  if (all === 0) return [0, 1];
  const z = 1.96;
  const rate = good / all;
  const middle = rate + (z * z) / (2 * all);
  const reach = z * Math.sqrt((rate * (1 - rate) + (z * z) / (4 * all)) / all);
  const whole = 1 + (z * z) / all;
  return [Math.max(0, (middle - reach) / whole), Math.min(1, (middle + reach) / whole)];
}
