import { likely } from '../core/likely';
import { percent } from './format';

/** A rate with the range that the true one lies in, nineteen times of twenty. */
export function Share({ good, all }: { good: number; all: number }) {
  const [low, high] = likely(good, all);
  const rate = good / all;
  const pct = (share: number) => `${(share * 100).toFixed(1)}%`;
  return (
    <svg
      class="share"
      role="img"
      aria-label={`${precise(rate)}, likely between ${precise(low)} and ${precise(high)}`}
    >
      <rect class="rail" width="100%" y="5" height="4" rx="2" />
      <rect class="t-model" x={pct(low)} width={pct(high - low)} y="5" height="4" rx="2" />
      <rect class="tip" x={pct(Math.min(rate, 0.99))} width="2" y="1" height="12" rx="1" />
    </svg>
  );
}

/** Near 100 % a tenth counts, and what is not all is not said to be. */
export function precise(share: number): string {
  if (share <= 0.9 || share === 1) return percent(share);
  return `${Math.min(99.9, Math.round(share * 1000) / 10)} %`;
}
