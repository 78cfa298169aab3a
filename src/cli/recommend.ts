// selvedge recommend: items of a catalogue that suit a shopper, from what the shopper looked at, liked, bought and sent back.
// Not here: how (src/apps/recommend). Invariant: the same history gives the same list; the present is the last event, not the clock.
import {
  type Catalogue,
  eventTimeOf,
  parseEvents,
  type Recommendation,
  recommend,
  type ShopEvent,
} from '../apps/recommend/index.ts';
import { SelvedgeError } from '../core/errors.ts';
import { usageError } from './arguments.ts';
import { catalogueOption, readHistory, readIndex } from './catalogue-files.ts';
import { command } from './command.ts';
import { checkThreads, numberFromZero, positiveNumber, threadsOption, useEngine, wholeNumber } from './options.ts';
import { checkPageName, pictureOf, requirePictures, writeItemPage } from './shown-items.ts';

export const recommendCommand = command({
  name: 'recommend',
  description: 'Recommend items of a catalogue to a shopper, from what was viewed, liked, bought and sent back',
  args: {
    history: {
      type: 'string',
      valueHint: 'file',
      required: true,
      description: 'Events, one JSON object a line: time, event (prefer, view, like, purchase, return), item, shopper',
    },
    ...catalogueOption,
    shopper: { type: 'string', valueHint: 'name', description: 'Whose list, where the history has several shoppers' },
    count: { type: 'string', valueHint: 'count', description: 'Items to recommend (default: 10)' },
    'half-life': {
      type: 'string',
      valueHint: 'days',
      description: 'Days after which an event counts half (default: 14)',
    },
    diversity: {
      type: 'string',
      valueHint: 'share',
      description: '0: the nearest, however alike; towards 1: the more different (default: 0.4)',
    },
    now: {
      type: 'string',
      valueHint: 'time',
      description: 'The present, such as 2026-03-01 (default: the last event)',
    },
    repeats: { type: 'boolean', description: 'Also what was looked at, liked or sent back; never what is owned' },
    out: { type: 'string', valueHint: 'file', description: 'Write a page with the pictures: .html' },
    ...threadsOption,
  },
  async run(args, context) {
    const count = wholeNumber('count', args.count, 1, 1000) ?? 10;
    const halfLifeDays = positiveNumber('half-life', args['half-life']);
    const diversity = numberFromZero('diversity', args.diversity, 1);
    const nowMs = presentOf(args.now);
    checkThreads(args.threads);
    checkPageName(args.out);
    const catalogue = await readIndex(args.catalogue, context);
    requirePictures(catalogue, args.out);
    const all = parseEvents(await readHistory(args.history, context), { name: args.history });
    const { shopper, events } = eventsOf(all, args.shopper, args.history);
    await useEngine(args.threads);
    const list = await recommend(catalogue, events, {
      count,
      ...(halfLifeDays === undefined ? {} : { halfLifeDays }),
      ...(diversity === undefined ? {} : { diversity }),
      ...(nowMs === undefined ? {} : { nowMs }),
      repeats: args.repeats === true,
      others: all,
    });
    const title = `For ${shopper || 'the shopper'}`;
    const page =
      args.out === undefined
        ? undefined
        : await writeItemPage(args.out, catalogue, pageOf(catalogue, list, title, events.length), context);
    return {
      json: {
        model: catalogue.model,
        items: catalogue.count,
        ...(shopper === '' ? {} : { shopper }),
        events: events.length,
        recommendations: list.map(toJson),
        ...(page === undefined ? {} : { page }),
      },
      text: [...toText(list), ...(page === undefined ? [] : [`Page: ${page}`])].join('\n'),
    };
  },
});

function presentOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const timeMs = eventTimeOf(text);
  if (timeMs !== undefined) return timeMs;
  throw usageError(`Option "--now" got "${text}": expected a time such as 2026-03-01 or 2026-03-01T10:00:00Z`);
}

/** Of the shopper that is named, or of the only one. A new shopper has no events. */
function eventsOf(
  all: readonly ShopEvent[],
  named: string | undefined,
  file: string,
): { shopper: string; events: readonly ShopEvent[] } {
  const shoppers = [...new Set(all.map(({ shopper }) => shopper))];
  if (named !== undefined) return { shopper: named, events: all.filter(({ shopper }) => shopper === named) };
  if (shoppers.length <= 1) return { shopper: shoppers[0] ?? '', events: all };
  throw new SelvedgeError(
    'recommend/many-shoppers',
    `Cannot recommend from "${file}": it has events of ${shoppers.length} shoppers, "${shoppers[0]}" and "${shoppers[1]}" among them; name ` +
      'one by --shopper',
  );
}

const toJson = ({ id, class: name, score, reason: { words, item } }: Recommendation): object => ({
  id,
  class: name,
  score: Number(score.toFixed(6)),
  reason: { words, ...(item ? { item: item.id, similarity: Number(item.similarity.toFixed(6)) } : {}) },
});

function toText(list: readonly Recommendation[]): string[] {
  const ids = Math.max(0, ...list.map(({ id }) => id.length));
  const names = Math.max(0, ...list.map(({ class: name }) => name.length));
  return list.map(
    ({ id, class: name, reason: { words, item } }) =>
      `${id.padEnd(ids)}  ${name.padEnd(names)}  ${words}${item ? ` (${item.id})` : ''}`,
  );
}

const pageOf = (catalogue: Catalogue, list: readonly Recommendation[], title: string, events: number) => ({
  title: 'Recommendations',
  subtitle: `Of ${catalogue.count} items, by model ${catalogue.model.name}`,
  lists: [
    {
      title,
      note:
        events === 0
          ? 'Nothing is known of this shopper yet'
          : `From ${events} events; the reason in the corner of each`,
      items: list.map(({ row, id, class: name, reason: { words, item } }) => ({
        image: pictureOf(catalogue, row),
        name: id,
        note: name,
        reason: words,
        because: item && pictureOf(catalogue, item.row),
      })),
    },
  ],
});
