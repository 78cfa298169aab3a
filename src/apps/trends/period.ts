// Times, and the periods that they lie in. Not here: what happened then. Invariant: periods follow each other without gaps, in UTC.
import { hasCalendarDay } from '../../core/calendar.ts';
import { SelvedgeError } from '../../core/errors.ts';

export const periodNames = ['hour', 'day', 'week', 'month'] as const;
export type PeriodName = (typeof periodNames)[number];

const HOUR_MS = 3_600_000;
const lengths = { hour: HOUR_MS, day: 24 * HOUR_MS, week: 7 * 24 * HOUR_MS } as const;
/** 1970 began on a Thursday; weeks begin on Mondays. */
const MONDAY_MS = 4 * lengths.day;

/** Number of the period that a time lies in. */
export function periodOf(timeMs: number, period: PeriodName): number {
  if (period === 'month') {
    const date = new Date(timeMs);
    return (date.getUTCFullYear() - 1970) * 12 + date.getUTCMonth();
  }
  return Math.floor((timeMs - (period === 'week' ? MONDAY_MS : 0)) / lengths[period]);
}

/** When a period begins, ISO 8601: a day, or an hour of one. */
export function nameOfPeriod(number: number, period: PeriodName): string {
  const begin =
    period === 'month'
      ? Date.UTC(1970 + Math.floor(number / 12), ((number % 12) + 12) % 12)
      : number * lengths[period] + (period === 'week' ? MONDAY_MS : 0);
  const text = new Date(begin).toISOString();
  return period === 'hour' ? text.slice(0, 13) : text.slice(0, 10);
}

/** Seconds of the year 2286; what is larger is milliseconds. */
const LARGEST_SECONDS = 1e10;
/** The end of the year 9999; what is larger is microseconds, or no time at all. */
const LARGEST_MS = 253_402_300_799_999;

/**
 * Reads a time.
 *
 * @param value ISO 8601 (UTC where it names no zone; also YYYYMMDD and YYYY), seconds or milliseconds since 1970, or a date
 * @returns Milliseconds since 1970
 * @throws SelvedgeError `trends/time`
 * @example
 * ```ts
 * import { readTime } from 'selvedge/apps';
 * console.assert(readTime('2025-03-01', 'row 1') === Date.UTC(2025, 2, 1) && readTime(1.5, 'row 2') === 1500);
 * ```
 */
export function readTime(value: unknown, where: string): number {
  let time = Number.NaN;
  if (value instanceof Date) time = value.getTime();
  else if (typeof value === 'bigint') time = readNumber(Number(value));
  else if (typeof value === 'number') time = readNumber(value);
  else if (typeof value === 'string') {
    const text = value.trim().replace(/^(\d{4})(\d\d)(\d\d)$/, '$1-$2-$3');
    if (/^\d{4}$/.test(text)) time = Date.parse(text);
    else if (/^\d+(?:\.\d+)?$/.test(text)) time = readNumber(Number(text));
    else if (/^\d{4}-\d\d(?:-\d\d)?/.test(text) && hasCalendarDay(text)) {
      const spaced = text.replace(' ', 'T');
      const hasZone = /(?:Z|[+-]\d\d:?\d\d)$/i.test(spaced) || !spaced.includes('T');
      time = Date.parse(hasZone ? spaced : `${spaced}Z`);
    }
  }
  if (Math.abs(time) <= LARGEST_MS) return time;
  const got = value === undefined || value === '' ? 'nothing' : (JSON.stringify(String(value)) as string);
  throw new SelvedgeError(
    'trends/time',
    `Cannot read the time of ${where}: expected ISO 8601, or seconds or milliseconds since 1970, got ${got}`,
  );
}

const readNumber = (value: number): number => (Math.abs(value) < LARGEST_SECONDS ? value * 1000 : value);
