// Does the shards of a plan one after another, each kept as a file, so that what was killed goes on where it was.
// Not here: what a shard is. Invariant: a result's file is written whole or not at all, and named by what it is a result of: neither is a
// shard done twice, nor one taken for another's.
import * as v from 'valibot';
import { sha256 } from '../../core/sha256.ts';
import { platform } from '../../platform/index.ts';
import { type CategoriseShardOptions, categoriseShard } from './categorise-shard.ts';
import type { Shard, ShardResult } from './shard.ts';

/** How far the work is. */
export interface RunProgress {
  readonly done: number;
  /** Pictures in all; absent while they are still being counted. */
  readonly total?: number;
  /** Of `done`, what was done by an earlier run. */
  readonly resumed: number;
}

export interface RunShardsOptions extends Omit<CategoriseShardOptions, 'onProgress'> {
  readonly workFolder: string;
  readonly onProgress?: ((progress: RunProgress) => void) | undefined;
}

const shardResultSchema = v.object({
  index: v.number(),
  first: v.number(),
  count: v.number(),
  shard: v.string(),
  categoriser: v.string(),
  names: v.union([v.array(v.string()), v.object({ file: v.string(), first: v.number() })]),
  labels: v.array(v.number()),
  confidences: v.array(v.number()),
  outliers: v.optional(v.array(v.number())),
  unread: v.array(v.object({ at: v.number(), code: v.string(), reason: v.string() })),
});

/**
 * Reads a result that may be damaged, or of something else.
 *
 * @param text JSON
 * @returns Undefined where it is no whole result of this shard by this categoriser
 */
export function readShardResult(text: string, shard: Shard, categoriser: string): ShardResult | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!v.is(shardResultSchema, value)) return undefined;
  const { count, labels, confidences, outliers } = value;
  const isWhole = labels.length === count && confidences.length === count && (outliers?.length ?? count) === count;
  const isIts =
    value.shard === shard.digest &&
    value.categoriser === categoriser &&
    value.count === shard.count &&
    value.index === shard.index &&
    value.first === shard.first;
  return isWhole && isIts ? (value as ShardResult) : undefined;
}

/** The file that keeps the result of a shard. */
export async function shardFile(workFolder: string, shard: Shard, categoriser: string): Promise<string> {
  const key = await sha256(`${categoriser}/${shard.index}/${shard.first}/${shard.digest}`);
  return platform.files.join(workFolder, `shard-${key.slice(0, 32)}.json`);
}

/**
 * Does what is not done yet.
 *
 * @param shards Of `planShards`
 * @param options Where results are kept, and what `categoriseShard` wants
 * @returns Results in the order of the shards
 * @throws SelvedgeError as `categoriseShard`; `files/not-written`
 * @example
 * ```ts no-run
 * import { mergeShards, openShippedCategoriser, planShards, runShards } from 'selvedge/apps';
 * const categoriser = await openShippedCategoriser('dropout'); // needs startBackend()
 * const places = { cwd: '.', workFolder: 'images.work' };
 * const results = runShards(planShards(['t10k-images-idx3-ubyte'], places), { ...places, categoriser });
 * const { pictures } = await mergeShards(results, { classNames: categoriser.classNames, thresholds: { confidence: 0.8 } });
 * console.log(pictures);
 * ```
 */
export async function* runShards(
  shards: AsyncIterable<Shard> | Iterable<Shard>,
  { workFolder, onProgress, ...options }: RunShardsOptions,
): AsyncGenerator<ShardResult> {
  const { files } = platform;
  const { digest } = options.categoriser;
  let [done, resumed] = [0, 0];
  for await (const shard of shards) {
    const file = await shardFile(workFolder, shard, digest);
    const kept = (await files.status(file)) && readShardResult(await files.readText(file), shard, digest);
    if (kept) {
      resumed += shard.count;
      done += shard.count;
      onProgress?.({ done, resumed });
      yield kept;
      continue;
    }
    const before = done;
    const report = (inShard: number): void => onProgress?.({ done: before + inShard, resumed });
    const result = await categoriseShard(shard, { ...options, onProgress: report });
    await files.write(file, JSON.stringify(result));
    done += shard.count;
    onProgress?.({ done, resumed });
    yield result;
  }
}

/** Removes what shards have left in their folder, and the folder if that was all. */
export async function clearWork(workFolder: string): Promise<void> {
  const { files } = platform;
  const names = await files.list(workFolder);
  const isOurs = (name: string): boolean => /^(?:shard-[0-9a-f]{32}\.json|unpacked-[0-9a-f]{16}\.idx)/.test(name);
  for (const name of names.filter(isOurs)) await files.remove(files.join(workFolder, name));
  if (names.every(isOurs)) await files.remove(workFolder);
}
