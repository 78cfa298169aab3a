// selvedge categorise --queue: files shards and takes their results in order. Not here: the table that is made of them (categorise.ts). Invariant:
// results are those of `runShards`, to the byte: the table does not depend on who did what.
import { type RunProgress, readShardResult, type Shard, type ShardResult } from '../apps/categorise/index.ts';
import { kernelsDigest } from '../backend/index.ts';
import { SelvedgeError } from '../core/errors.ts';
import { version } from '../core/version.ts';
import { isShippedName, shippedNames } from '../models/index.ts';
import { createVerification, type KeyedWork, keyWork, overWorks } from '../queue/index.ts';
import { usageError } from './arguments.ts';
import type { CommandContext } from './command.ts';
import { openQueue, shareOf } from './queue-options.ts';
import { describeVerification, judgeOf, requireAgreement } from './queue-verification.ts';
import { openWorkplace, startOwnWorker } from './queue-work.ts';

export interface ShardRequest {
  readonly queue?: string | undefined;
  readonly artefacts?: string | undefined;
  readonly verify?: string | undefined;
  readonly threads?: string | undefined;
  readonly again?: boolean | undefined;
  /** Of the model. */
  readonly name: string;
  /** Of the categoriser. */
  readonly digest: string;
  readonly onProgress: (progress: RunProgress) => void;
  /** Told before the result of a shard is given. */
  readonly onShard: (shard: Shard) => void;
}

/**
 * Has the workers of a queue do shards; gives results in the order of the shards, and ends once those to verify are.
 *
 * @throws SelvedgeError `queue/differs` where two workers came to other bits: before the table is whole
 */
export async function* shardsByQueue(
  plan: AsyncIterable<Shard>,
  request: ShardRequest,
  context: CommandContext,
): AsyncGenerator<ShardResult> {
  const { name, digest } = request;
  if (!isShippedName(name))
    throw usageError(
      `Option "--queue" got model "${name}": expected one of those that ship (${shippedNames.join(', ')})`,
    );
  const needs = { version, kernels: await kernelsDigest() };
  const share = shareOf(request.verify);
  const planned: { readonly shard: Shard; readonly key: string }[] = [];
  const works = async function* (): AsyncGenerator<KeyedWork> {
    for await (const shard of plan) {
      const settings = { model: name, categoriser: digest, shard: shard as never };
      const keyed = await keyWork({ kind: 'shard', needs, settings });
      planned.push({ shard, key: keyed.key });
      yield keyed;
    }
  };
  const open = await openQueue(request.queue!, request.artefacts, context);
  const workplace = await openWorkplace('coordinator', { threads: request.threads, context });
  const { queue, artefacts } = open;
  const own = startOwnWorker(open, workplace, context.signal);
  const judge = judgeOf(open, workplace.handlers, context.signal);
  const verification = createVerification(queue, share === undefined ? undefined : { share, seed: 1, judge });
  let done = 0;
  try {
    const again = request.again === true;
    const results = overWorks(works(), { queue, artefacts, signal: context.signal, again });
    for (;;) {
      const next = await own.beside(results.next());
      if (next.done) break;
      const { shard, key } = planned.shift()!;
      const result = readShardResult(new TextDecoder().decode(next.value), shard, digest);
      if (!result)
        throw new SelvedgeError(
          'categorise/result',
          `Cannot take the result of shard ${shard.index}: it is of another shard`,
        );
      done += shard.count;
      request.onProgress({ done, resumed: 0 });
      request.onShard(shard);
      yield result;
      await verification.consider(key, shard.index);
    }
    const verified = await own.beside(verification.end(true, context.signal));
    requireAgreement(verified, queue.shown, (number) => `shard ${number}`);
    if (share !== undefined) context.writeError(`${describeVerification(verified, 'shards').text}\n`);
  } finally {
    await own.stop();
    workplace.dispose();
    await queue.close();
  }
}
