// Numbers as the report writes them. Invariant: English, the same on every machine whatever its locale.

const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

/** A count with thousands separators. */
export const formatCount = (count: number): string => whole.format(count);

/** A share as per cent. */
export const formatPercent = (share: number, digits = 2): string => `${(share * 100).toFixed(digits)}%`;

const signed = (value: number, text: string): string => {
  if (Number(text) === 0) return text.replace('-', '');
  return value < 0 ? text.replace('-', '−') : `+${text}`;
};

/** A difference with its sign: whole where it is whole, unless digits are asked for. */
export const formatDifference = (difference: number, digits?: number): string =>
  signed(difference, difference.toFixed(digits ?? (Number.isInteger(difference) ? 0 : 4)));

/** A difference of shares in points of per cent. */
export const formatPoints = (difference: number): string =>
  `${signed(difference, (difference * 100).toFixed(2))} points`;

/** A mean difference of shares in points of per cent with its 95% interval: "+1.30 points (−0.42 to +3.02)". */
export function formatGain({ mean, low, high }: Readonly<Record<'mean' | 'low' | 'high', number>>): string {
  const points = (value: number): string => signed(value, (100 * value).toFixed(2));
  return `${formatPoints(mean)} (${points(low)} to ${points(high)})`;
}

/** A share with its 95% interval as per cent: "95.22% (94.78% to 95.62%)". */
export function formatShare(
  share: number,
  { low, high }: Readonly<Record<'low' | 'high', number>>,
  digits = 2,
): string {
  return `${formatPercent(share, digits)} (${formatPercent(low, digits)} to ${formatPercent(high, digits)})`;
}

/** A p value, as "= 0.123" or "< 0.0001". */
export const formatProbability = (value: number): string => (value < 1e-4 ? '< 0.0001' : `= ${value.toFixed(4)}`);

/**
 * A duration in its two largest units.
 *
 * @param durationMs Milliseconds
 * @example
 * ```ts
 * console.assert(formatDuration(61_000) === '1 min 1 s' && formatDuration(1234) === '1.2 s');
 * ```
 */
export function formatDuration(durationMs: number): string {
  if (durationMs < 1000) return `${Math.round(durationMs)} ms`;
  if (durationMs < 59_950) return `${(durationMs / 1000).toFixed(1)} s`;
  const seconds = Math.round(durationMs / 1000);
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/**
 * A number of bytes in units of 1024.
 *
 * @example
 * ```ts
 * console.assert(formatBytes(29_491) === '28.8 KiB');
 * ```
 */
export function formatBytes(bytes: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

/** An ISO 8601 instant to the minute, in UTC: "2024-05-01 12:00 UTC". What is no instant stays as it is. */
export function formatInstant(instant: string): string {
  const time = new Date(instant);
  return Number.isNaN(time.getTime()) ? instant : `${time.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
