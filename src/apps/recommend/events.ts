// What shoppers did, as lines of JSON. Not here: what follows from it (recommend.ts).
// Invariant: a line that is not understood is an error with its number, never left out.
import { hasCalendarDay } from '../../core/calendar.ts';
import { SelvedgeError } from '../../core/errors.ts';

/** `prefer`: said so, of an item or a class. */
export const eventKinds = ['prefer', 'view', 'like', 'purchase', 'return'] as const;
export type EventKind = (typeof eventKinds)[number];

/** One thing that a shopper did. */
export interface ShopEvent {
  /** Milliseconds since 1970. */
  readonly timeMs: number;
  readonly kind: EventKind;
  /** Name of an item; absent where a class was preferred. */
  readonly item?: string;
  /** Name of a class, of `prefer` alone. */
  readonly class?: string;
  /** Whose; '' where the file tells of one shopper only. */
  readonly shopper: string;
}

/**
 * Reads events, one JSON object a line: `{"time": "2026-03-01T10:00:00Z", "event": "purchase", "item": "boot-7", "shopper": "ada"}`. `time`
 * is ISO 8601 with a zone, or milliseconds since 1970; `shopper` may be left out; `prefer` takes `class` in place of `item`, too.
 *
 * @param text The file
 * @param options `name`: of the file, for messages
 * @returns In order of time; of one time in the order of the lines
 * @throws SelvedgeError `events/not-json`, `events/no-time`, `events/bad-time`, `events/bad-event`, `events/bad-item`
 * @example
 * ```ts
 * import { parseEvents } from 'selvedge';
 * const [event] = parseEvents('{"time":0,"event":"like","item":"boot-7"}', { name: 'history.jsonl' });
 * console.assert(event!.kind === 'like' && event!.item === 'boot-7');
 * ```
 */
export function parseEvents(text: string, { name }: { readonly name: string }): ShopEvent[] {
  const events: ShopEvent[] = [];
  text
    .replace(/^\uFEFF/, '')
    .split('\n')
    .forEach((line, i) => {
      if (line.trim() !== '') events.push(parseEvent(line, `line ${i + 1} of "${name}"`));
    });
  return events.sort((a, b) => a.timeMs - b.timeMs);
}

function parseEvent(line: string, place: string): ShopEvent {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw failure('not-json', place, 'a JSON object', shortened(line));
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw failure('not-json', place, 'a JSON object', shortened(line));
  }
  return eventOf(value as Readonly<Record<string, unknown>>, place);
}

/**
 * One event, from JSON that was read already.
 *
 * @param place Where it stands, for messages
 * @throws SelvedgeError as `parseEvents`
 */
export function eventOf(value: Readonly<Record<string, unknown>>, place: string): ShopEvent {
  const { time, event, item, shopper = '', class: preferred } = value;
  const kind = eventKinds.find((known) => known === event);
  if (!kind)
    throw failure('bad-event', place, `an "event" of ${eventKinds.join(', ')}`, shortened(JSON.stringify(event)));
  if (time === undefined || time === null) {
    throw failure('no-time', place, 'a "time", ISO 8601 or milliseconds since 1970', 'none');
  }
  const timeMs = eventTimeOf(time);
  if (timeMs === undefined) {
    throw failure(
      'bad-time',
      place,
      'a "time" such as "2026-03-01T10:00:00Z", or milliseconds since 1970',
      shortened(JSON.stringify(time)),
    );
  }
  if (typeof shopper !== 'string') {
    throw failure('bad-event', place, 'a text as "shopper"', shortened(JSON.stringify(shopper)));
  }
  const isName = (name: unknown): name is string => typeof name === 'string' && name !== '';
  if (kind === 'prefer' && item === undefined && isName(preferred)) return { timeMs, kind, class: preferred, shopper };
  if (isName(item)) return { timeMs, kind, item, shopper };
  const expected = kind === 'prefer' ? 'the name of an "item" or a "class"' : 'the name of an "item"';
  throw failure('bad-item', place, expected, item === undefined ? 'none' : shortened(JSON.stringify(item)));
}

/** A time without a zone would be another on another machine. */
const ISO_TIME = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d))?$/;

/** Undefined for what is no time. */
export function eventTimeOf(time: unknown): number | undefined {
  const timeMs = typeof time === 'string' && ISO_TIME.test(time) && hasCalendarDay(time) ? Date.parse(time) : time;
  // The range of Date.
  return typeof timeMs === 'number' && Math.abs(timeMs) <= 8.64e15 ? timeMs : undefined;
}

const shortened = (text: string | undefined): string => {
  const known = text ?? 'none';
  return known.length > 60 ? `${known.slice(0, 57)}…` : known;
};

const failure = (
  what: 'not-json' | 'no-time' | 'bad-time' | 'bad-event' | 'bad-item',
  place: string,
  expected: string,
  got: string,
): SelvedgeError => new SelvedgeError(`events/${what}`, `Cannot read ${place}: expected ${expected}, got ${got}`);
