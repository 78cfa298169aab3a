// Puts results of shards together: one table, one summary. Not here: where results come from.
// Invariant: the table is a function of the results in the order of their shards; a gap, or results of two categorisers, are an error;
// memory is that of one shard and of the pictures that are listed.
import { SelvedgeError } from '../../core/errors.ts';
import { type TableFormat, type TableWriter, writeTable } from '../tables/index.ts';
import { type Decision, decide, type Thresholds } from './decide.ts';
import { nameInShard, type ShardResult } from './shard.ts';

export interface MergeOptions {
  readonly classNames: readonly string[];
  readonly thresholds: Thresholds;
  /** Where the table goes; default: nowhere. */
  readonly out?: { readonly path: string; readonly format: TableFormat } | undefined;
  /** Pictures to ask for that are listed; default 300. */
  readonly listed?: number | undefined;
  /** Hears each picture, in their order. */
  readonly onPicture?: ((picture: CategorisedPicture) => void | Promise<void>) | undefined;
}

/** A picture and what was found. */
export interface CategorisedPicture {
  /** Number among all pictures, from 0. */
  readonly number: number;
  readonly shard: number;
  /** Place in the shard. */
  readonly at: number;
  readonly name: string;
  /** Class; absent where it was not read, and so are the others but for the error. */
  readonly label?: number;
  readonly confidence?: number;
  readonly outlier?: number | undefined;
  readonly decision?: Decision;
  readonly error?: { readonly code: string; readonly reason: string };
}

/** What all shards came to. */
export interface CategoriseSummary {
  readonly pictures: number;
  readonly read: number;
  /** Pictures of each class whose answer is taken. */
  readonly sure: readonly number[];
  /** Pictures that a person should be asked for: of their class, and whether they show one. */
  readonly unsure: number;
  readonly strange: number;
  readonly unread: number;
  /** The first of those that were not read. */
  readonly unreadListed: readonly CategorisedPicture[];
  /** Those to ask for first: the least confident, then the strangest. */
  readonly unsureListed: readonly CategorisedPicture[];
  readonly strangeListed: readonly CategorisedPicture[];
}

const LISTED = 300;

/**
 * Merges results.
 *
 * @param results Of all shards, in their order
 * @param options Class names, thresholds, and where the table goes
 * @returns The summary, once the table stands under its name
 * @throws SelvedgeError `categorise/gap`, `categorise/mixed`, `categorise/empty`; `files/not-written`
 * @example
 * ```ts
 * import { mergeShards } from 'selvedge/apps';
 * const result = { index: 0, first: 0, count: 1, shard: 'a', categoriser: 'b', names: ['shoe.png'], labels: [1], confidences: [0.9], unread: [] };
 * const { sure } = await mergeShards([result], { classNames: ['Bag', 'Sneaker'], thresholds: { confidence: 0.8 } });
 * console.assert(sure[1] === 1);
 * ```
 */
export async function mergeShards(
  results: AsyncIterable<ShardResult> | Iterable<ShardResult>,
  options: MergeOptions,
): Promise<CategoriseSummary> {
  const { out } = options;
  const writer = out && (await writeTable(out.path, { format: out.format, columns: tableColumns }));
  try {
    const summary = await mergeInto(writer, results, options);
    await writer?.finish();
    return summary;
  } catch (error) {
    await writer?.abort();
    throw error;
  }
}

const tableColumns = [
  { name: 'picture', type: 'text' },
  { name: 'class', type: 'text' },
  { name: 'confidence', type: 'number', digits: 6 },
  { name: 'outlier', type: 'number', digits: 4 },
  { name: 'not_clothing', type: 'boolean' },
  { name: 'ask', type: 'boolean' },
  { name: 'error', type: 'text' },
] as const;

async function mergeInto(
  writer: TableWriter | undefined,
  results: MergeOptionsResults,
  { classNames, thresholds, listed = LISTED, onPicture }: MergeOptions,
): Promise<CategoriseSummary> {
  const sure = new Array<number>(classNames.length).fill(0);
  const unsure = new Least(listed, ({ confidence }) => confidence!);
  const strange = new Least(listed, ({ outlier }) => -outlier!);
  const unreadListed: CategorisedPicture[] = [];
  let [next, pictures, unread] = [0, 0, 0];
  let categoriser: string | undefined;
  for await (const result of results) {
    categoriser ??= result.categoriser;
    checkOrder(result, { next, pictures, categoriser });
    const rows: CategorisedPicture[] = [];
    const failures = new Map(result.unread.map((failure) => [failure.at, failure]));
    for (let at = 0; at < result.count; at++) {
      const place = { number: pictures + at, shard: next, at, name: nameInShard(result, at) };
      const failure = failures.get(at);
      if (failure) {
        const row = { ...place, error: { code: failure.code, reason: failure.reason } };
        rows.push(row);
        unread++;
        if (unreadListed.length < listed) unreadListed.push(row);
        continue;
      }
      const [label, confidence, outlier] = [result.labels[at]!, result.confidences[at]!, result.outliers?.[at]];
      const decision = decide(confidence, outlier, thresholds);
      const row = { ...place, label, confidence, outlier, decision };
      rows.push(row);
      if (decision === 'sure') sure[label]!++;
      else (decision === 'unsure' ? unsure : strange).add(row);
    }
    if (onPicture) for (const row of rows) await onPicture(row);
    await writer?.write(cellsOf(rows, classNames));
    next++;
    pictures += result.count;
  }
  if (next === 0) throw new SelvedgeError('categorise/empty', 'Cannot merge: expected at least one shard, got none');
  return {
    pictures,
    read: pictures - unread,
    sure,
    unsure: unsure.count,
    strange: strange.count,
    unread,
    unreadListed,
    unsureListed: unsure.values(),
    strangeListed: strange.values(),
  };
}

type MergeOptionsResults = AsyncIterable<ShardResult> | Iterable<ShardResult>;

function checkOrder(
  result: ShardResult,
  expected: { readonly next: number; readonly pictures: number; readonly categoriser: string },
): void {
  if (result.index !== expected.next || result.first !== expected.pictures) {
    throw new SelvedgeError(
      'categorise/gap',
      `Cannot merge: expected shard ${expected.next} from picture ${expected.pictures} on, got shard ${result.index} from ${result.first} on`,
    );
  }
  if (result.categoriser !== expected.categoriser) {
    throw new SelvedgeError(
      'categorise/mixed',
      `Cannot merge: expected results of categoriser ${expected.categoriser.slice(0, 12)}, got those of ${result.categoriser.slice(0, 12)} in shard ${result.index}`,
    );
  }
}

function cellsOf(rows: readonly CategorisedPicture[], classNames: readonly string[]) {
  return [
    rows.map(({ name }) => name),
    rows.map(({ label }) => (label === undefined ? null : classNames[label]!)),
    rows.map(({ confidence }) => confidence ?? null),
    rows.map(({ outlier }) => outlier ?? null),
    rows.map(({ decision, outlier }) => (outlier === undefined ? null : decision === 'strange')),
    rows.map(({ decision }) => (decision === undefined ? null : decision !== 'sure')),
    rows.map(({ error }) => (error ? `${error.code}: ${error.reason}` : null)),
  ];
}

/** The few rows of the least value, the earlier first among equals. */
class Least {
  readonly #most: number;
  readonly #rankOf: (row: CategorisedPicture) => number;
  #rows: CategorisedPicture[] = [];
  #limit = Number.POSITIVE_INFINITY;
  count = 0;

  constructor(most: number, rankOf: (row: CategorisedPicture) => number) {
    this.#most = most;
    this.#rankOf = rankOf;
  }

  add(row: CategorisedPicture): void {
    this.count++;
    if (this.#rankOf(row) > this.#limit) return;
    this.#rows.push(row);
    if (this.#rows.length >= 2 * this.#most + 16) this.#cut();
  }

  values(): readonly CategorisedPicture[] {
    this.#cut();
    return this.#rows;
  }

  #cut(): void {
    this.#rows.sort((a, b) => this.#rankOf(a) - this.#rankOf(b) || a.number - b.number);
    this.#rows.length = Math.min(this.#rows.length, this.#most);
    if (this.#rows.length === this.#most && this.#most > 0) this.#limit = this.#rankOf(this.#rows.at(-1)!);
  }
}
