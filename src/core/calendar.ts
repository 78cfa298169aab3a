// Days of the calendar. Not here: reading times. Pure.

/** Whether there is such a day: Date.parse takes 30 February for 2 March. */
export function isCalendarDay(year: number, month: number, day: number): boolean {
  const date = new Date(Date.UTC(year, month - 1, day));
  // Years below 100 are not their own.
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
}

/** Whether the date that a text of ISO 8601 begins with, YYYY-MM-DD, is one; a text without one may be. */
export function hasCalendarDay(text: string): boolean {
  const [, year, month, day] = /^(\d{4})-(\d\d)-(\d\d)/.exec(text) ?? [];
  return year === undefined || isCalendarDay(Number(year), Number(month), Number(day));
}
