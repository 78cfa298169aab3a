// selvedge trends: what of each class was asked for over time, when that changed, what is bought together, and which styles a class has.
// Not here: the methods (src/apps/trends/). Invariant: what is corrected for a classifier's errors says by what, and what is not says so.

import { readTable, requireColumns, tableColumns } from '../apps/tables/index.ts';
import {
  BasketCounter,
  type Change,
  type Combination,
  findChanges,
  findSeason,
  type PeriodName,
  periodNames,
  readTime,
  type Season,
  type Share,
  sharesOf,
  type Timeline,
  TimelineCounter,
} from '../apps/trends/index.ts';
import { SelvedgeError } from '../core/errors.ts';
import { platform } from '../platform/index.ts';
import { usageError } from './arguments.ts';
import { type CommandContext, type CommandOutput, command } from './command.ts';
import { threadsOption, wholeNumber } from './options.ts';

export const trends = command({
  name: 'trends',
  description: 'Tell shares of classes over time, corrected for errors, their changes, combinations and styles',
  args: {
    events: { type: 'positional', required: false, description: 'Events: .csv, .jsonl or .parquet, a row each' },
    time: {
      type: 'string',
      valueHint: 'column',
      default: 'time',
      description: 'Column of times: ISO 8601, or seconds',
    },
    class: {
      type: 'string',
      valueHint: 'column',
      description: 'Column of classes (default: class); with --results of pictures (default: picture, else class)',
    },
    results: {
      type: 'string',
      valueHint: 'file',
      description: 'What selvedge categorise has told, by the column picture',
    },
    'told-by': {
      type: 'string',
      valueHint: 'who',
      description:
        'Correct for errors of: dropout, distilled, best, a categorise.json of a run, or none (default: dropout with --results)',
    },
    period: {
      type: 'enum',
      options: [...periodNames] as PeriodName[],
      default: 'week',
      description: 'Length of a period',
    },
    basket: { type: 'string', valueHint: 'column', description: 'Column of baskets, whose rows lie together' },
    item: { type: 'string', valueHint: 'column', description: 'Column of what is in a basket (default: classes)' },
    styles: {
      type: 'string',
      valueHint: 'file',
      description: 'Tell styles of pictures: an IDX file, a folder or a table',
    },
    of: { type: 'string', valueHint: 'name', description: 'Class whose styles are told' },
    count: { type: 'string', valueHint: 'count', description: 'How many styles (default: as many as are stable)' },
    out: { type: 'string', valueHint: 'file', description: 'Write styles as a page (.html)' },
    ...threadsOption,
  },
  async run(args, context) {
    if (args.styles !== undefined) {
      if (args.events !== undefined) throw usageError('Option "--styles" takes pictures, no EVENTS');
      const { tellStyles } = await import('./trend-styles.ts');
      return tellStyles({ ...args, styles: args.styles, count: wholeNumber('count', args.count, 2, 50) }, context);
    }
    for (const name of ['of', 'count', 'out'] as const) {
      if (args[name] !== undefined) throw usageError(`Option "--${name}" belongs to "--styles"`);
    }
    if (args.item !== undefined && args.basket === undefined) throw usageError('Option "--item" needs "--basket"');
    if (args.events === undefined) throw usageError('Missing EVENTS: see selvedge trends --help');
    return tellTrends({ ...args, events: args.events }, context);
  },
});

interface TrendArguments {
  readonly events: string;
  readonly time: string;
  readonly class?: string | undefined;
  readonly results?: string | undefined;
  readonly 'told-by'?: string | undefined;
  readonly period: PeriodName;
  readonly basket?: string | undefined;
  readonly item?: string | undefined;
}

/** Seasons that are looked for: a day and a week of hours, a week and a month of days, … */
const seasonLengths: Readonly<Record<PeriodName, readonly number[]>> = {
  hour: [24, 168],
  day: [7, 14, 30],
  week: [4, 13, 26, 52],
  month: [3, 6, 12],
};

interface ClassTrend {
  readonly name: string;
  readonly shares: readonly (Share | undefined)[];
  readonly season?: Season | undefined;
  readonly changes: readonly Change[];
}

async function tellTrends(args: TrendArguments, context: CommandContext): Promise<CommandOutput> {
  const correction = await readCorrection(args['told-by'] ?? (args.results ? 'dropout' : 'none'), context);
  const read = await readEvents(args, correction?.classNames, context);
  const { timeline, passedOver, combinations } = read;
  const shares = sharesOf(timeline, { confusion: correction?.confusion });
  const classes: ClassTrend[] = timeline.classNames.map((name, label) => {
    const own = shares.map((period) => period?.[label]);
    const known = own.flatMap((share, at) => (share ? [{ at, share: share.share }] : []));
    const values = known.map(({ share }) => share);
    const places = known.map(({ at }) => at);
    const season = findSeason(values, seasonLengths[args.period], { tests: timeline.classNames.length, places });
    const changes = findChanges(values, { season: season?.length, places }).map((change) => ({
      ...change,
      at: known[change.at]!.at,
      toldAt: known[change.toldAt]!.at,
    }));
    return { name, shares: own, season, changes };
  });
  const begin = (at: number): string => timeline.periods[at]!.begin;
  return {
    json: {
      events: timeline.events,
      passedOver,
      corrected: correction ? correction.on : 'not at all',
      period: args.period,
      periods: timeline.periods,
      classes: classes.map(({ name, shares: own, season, changes }) => ({
        name,
        shares: own.map((share) => share ?? null),
        season: season ?? null,
        changes: changes.map((change) => ({ ...change, at: begin(change.at), toldAt: begin(change.toldAt) })),
      })),
      ...(combinations ? { baskets: combinations.baskets, combinations: combinations.found } : {}),
    },
    text: describe(timeline, classes, read, correction !== undefined),
  };
}

interface Correction {
  readonly confusion: readonly (readonly number[])[];
  readonly classNames: readonly string[];
  readonly on: string;
}

/** What the classifier does to each class, by its calibration. */
async function readCorrection(who: string, context: CommandContext): Promise<Correction | undefined> {
  if (who === 'none') return undefined;
  const { readShippedCalibration } = await import('../apps/shipped-calibration.ts');
  const { openShippedClassifier, shippedNames } = await import('../models/index.ts');
  const shipped = shippedNames.find((name) => name === who);
  if (shipped !== undefined) {
    const { confusion, on } = await readShippedCalibration(shipped);
    return { confusion: confusion!, on, classNames: (await openShippedClassifier(shipped)).model.labels };
  }
  const path = platform.files.resolve(context.cwd, who);
  const { parseCalibration } = await import('./chosen-categoriser.ts');
  const status = await platform.files.status(path);
  const kept = status && !status.isFolder ? parseCalibration(await platform.files.readText(path)) : undefined;
  const metadata = kept && (await classNamesBeside(path));
  if (kept?.confusion && metadata) return { confusion: kept.confusion, on: kept.on, classNames: metadata };
  throw usageError(
    `Option "--told-by" got "${who}": expected dropout, distilled, best, none, or the categorise.json beside a model.json`,
  );
}

async function classNamesBeside(path: string): Promise<readonly string[] | undefined> {
  const { files } = platform;
  const model = files.join(files.dirname(path), 'model.json');
  if (!(await files.status(model))) return undefined;
  const { userDefinedMetadata } = JSON.parse(await files.readText(model)) as {
    userDefinedMetadata?: { classNames?: readonly string[] };
  };
  return userDefinedMetadata?.classNames;
}

interface ReadEvents {
  readonly timeline: Timeline;
  /** Events of pictures that were not read, or are no clothing, or of which nothing was told. */
  readonly passedOver: number;
  readonly combinations?: { readonly baskets: number; readonly found: readonly Combination[] };
}

async function readEvents(
  { events, time, class: asked, results, period, basket, item }: TrendArguments,
  classNames: readonly string[] | undefined,
  { cwd, signal }: CommandContext,
): Promise<ReadEvents> {
  const path = platform.files.resolve(cwd, events);
  const columns = await tableColumns(path);
  const told = results === undefined ? undefined : await readResults(platform.files.resolve(cwd, results));
  const of = asked ?? (told !== undefined && columns.includes('picture') ? 'picture' : 'class');
  const wanted = [...new Set([time, of, ...(basket ? [basket] : []), ...(item ? [item] : [])])];
  if (!columns.includes(time)) {
    throw new SelvedgeError(
      'trends/no-times',
      `Cannot tell trends by "${events}": expected a column "${time}" of times, got ${columns.join(', ')}; name it by --time`,
    );
  }
  // What stands in no object of JSON lines would be taken for what is never there.
  const seen = new Set<string>();
  const counter = new TimelineCounter(period, classNames);
  const baskets = basket === undefined ? undefined : new BasketCounter();
  let open: { name: string; items: Set<string> } | undefined;
  let passedOver = 0;
  for await (const { first, count, columns: found } of readTable(path, wanted)) {
    if (signal.aborted) throw new SelvedgeError('cli/interrupted', 'Interrupted');
    await platform.giveWay();
    const [times, classes, names, items] = [found[time]!, found[of]!, basket && found[basket]!, item && found[item]!];
    for (let i = 0; i < count; i++) {
      if (names?.[i] !== undefined) seen.add(basket!);
      if (items?.[i] !== undefined) seen.add(item!);
      const value = classes[i];
      const className = told ? told.get(String(value)) : textOf(value);
      if (className === undefined) {
        passedOver++;
        continue;
      }
      const where = `event ${first + i + 1}`;
      counter.add(readTime(times[i], where), className, where);
      const name = names ? textOf(names[i]) : undefined;
      if (!baskets || name === undefined) continue;
      if (open?.name !== name) {
        if (open) baskets.add(open.items);
        open = { name, items: new Set() };
      }
      const bought = items ? textOf(items[i]) : className;
      if (bought !== undefined) open.items.add(bought);
    }
  }
  if (baskets && open) baskets.add(open.items);
  const unseen = [basket, item].filter((name) => name !== undefined && !seen.has(name));
  if (unseen.length > 0) requireColumns(path, unseen as string[], columns);
  return {
    timeline: counter.finish(),
    passedOver,
    ...(baskets ? { combinations: { baskets: baskets.baskets, found: baskets.combinations() } } : {}),
  };
}

const textOf = (value: unknown): string | undefined =>
  value === undefined || value === null || value === '' ? undefined : String(value);

/** Classes by picture, of those that were read and are clothing. */
async function readResults(path: string): Promise<Map<string, string>> {
  const told = new Map<string, string>();
  for await (const { count, columns } of readTable(path, ['picture', 'class', 'not_clothing'])) {
    for (let i = 0; i < count; i++) {
      const className = textOf(columns.class![i]);
      if (className !== undefined && String(columns.not_clothing![i]) !== 'true') {
        told.set(String(columns.picture![i]), className);
      }
    }
  }
  if (told.size > 0) return told;
  throw new SelvedgeError('trends/empty', `Cannot use "${path}": expected pictures with a class, got none`);
}

const percent = (share: number): string => `${(100 * share).toFixed(1)}%`;

function describe(timeline: Timeline, classes: readonly ClassTrend[], read: ReadEvents, isCorrected: boolean): string {
  const { periods, events, period } = timeline;
  const width = Math.max(...classes.map(({ name }) => name.length), 5);
  const last = periods.length - 1;
  const shareText = (share: Share | undefined): string =>
    share ? `${percent(share.share).padStart(6)} (${percent(share.low)} to ${percent(share.high)})` : 'no events';
  const begin = (at: number): string => periods[at]!.begin;
  const { combinations, passedOver } = read;
  return [
    `${events.toLocaleString('en-US')} events in ${periods.length} ${period}${last === 0 ? '' : 's'} from ${begin(0)} to ${begin(last)}, ${isCorrected ? 'corrected for the errors of the classifier' : 'not corrected: name who told the classes by --told-by'}`,
    ...(classes.length === 1 ? [`All are ${classes[0]!.name}: there is no share to compare`] : []),
    ...(passedOver > 0 ? [`${passedOver.toLocaleString('en-US')} passed over: no class was told`] : []),
    `${'class'.padEnd(width)}  ${`from ${begin(0)}`.padEnd(24)}  to ${begin(last)}`,
    ...classes.map(
      ({ name, shares }) => `${name.padEnd(width)}  ${shareText(shares[0]).padEnd(24)}  ${shareText(shares[last])}`,
    ),
    ...classes.flatMap(({ name, changes, season }) => [
      ...changes.map(
        ({ at, toldAt, before, after }) =>
          `${name}: ${percent(before)} became ${percent(after)} at ${begin(at)}, told at ${begin(toldAt)}`,
      ),
      ...(season
        ? [
            `${name}: a season of ${season.length} ${period}s explains ${percent(season.explains)} (p ${season.p.toFixed(3)})`,
          ]
        : []),
    ]),
    ...(combinations
      ? [
          `${combinations.baskets.toLocaleString('en-US')} baskets, ${combinations.found.length} combinations beyond chance`,
          ...combinations.found
            .slice(0, 20)
            .map(
              ({ items, count, lift, confidence, q }) =>
                `  ${items.join(' + ')}: ${count} baskets, ${lift.toFixed(2)} times as often as by chance, ${percent(confidence[0])} and ${percent(confidence[1])} of theirs (q ${q.toExponential(1)})`,
            ),
        ]
      : []),
  ].join('\n');
}
