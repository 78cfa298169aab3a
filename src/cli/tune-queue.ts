// selvedge tune --queue: files the trials of a study and follows them. Not here: the study itself (tune.ts) and training (worker.ts), but for an
// embedded queue, whose only worker is this process. Invariant: the table is that of `tune` without a queue.
import { SelvedgeError } from '../core/errors.ts';
import type { TuneOptions } from '../experiments/index.ts';
import { type TakenWork, tuneOverQueue, type VerificationResult } from '../queue/index.ts';
import { usageError } from './arguments.ts';
import type { CommandContext } from './command.ts';
import { type OpenQueue, openQueue } from './queue-options.ts';
import { needsOf, openWorkplace, startOwnWorker } from './queue-work.ts';
import type { RanStudy, TrialSource } from './tune.ts';
import type { TuneArguments } from './tune-options.ts';

/** Runs a study on the workers of a queue. */
export async function tuneByQueue(
  common: Omit<TuneOptions, 'objective'>,
  source: TrialSource,
  args: TuneArguments,
  context: CommandContext,
): Promise<RanStudy> {
  const share = shareOf(args.verify);
  const open = await openQueue(args.queue!, args.artefacts, context);
  const { sampler, batch = 1 } = common.settings;
  if (sampler.name === 'tpe' && batch === 1 && !open.isEmbedded && common.trials > sampler.startup)
    context.writeError(
      `From trial ${sampler.startup} on, tpe proposes one trial at a time; with --batch 8 eight workers can train at once\n`,
    );
  const workplace = await openWorkplace('coordinator', source.loaded, args.threads);
  const own = startOwnWorker(open, workplace, context.signal);
  try {
    const { verification, ...result } = await own.beside(
      tuneOverQueue({
        ...common,
        queue: open.queue,
        needs: await needsOf(source.loaded, source.split),
        examples: source.identity.examples,
        exactConvolution: source.identity.exactConvolution,
        again: args.again === true,
        onLonely: () => context.writeError(`No worker is there yet: selvedge worker --queue ${open.queue.shown}\n`),
        ...(share === undefined
          ? {}
          : { verification: { share, seed: common.settings.seed, judge: judgeOf(open, workplace.handlers) } }),
      }),
    );
    requireAgreement(verification, open.queue.shown);
    return share === undefined ? result : { ...result, found: describeVerification(verification) };
  } finally {
    await own.stop();
    workplace.dispose();
    await open.queue.close();
  }
}

function shareOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const share = Number(text);
  if (text.trim() !== '' && share > 0 && share <= 1) return share;
  throw usageError(`Option "--verify" got "${text}": expected a share above 0 and up to 1, such as 0.05`);
}

/** Does a work in this process, apart from the queue, and answers the digest of its result. */
function judgeOf({ database, artefacts }: OpenQueue, handlers: Awaited<ReturnType<typeof openWorkplace>>['handlers']) {
  return async (key: string): Promise<string | undefined> => {
    const { readWork } = await import('../queue/index.ts');
    const [row] = await database.query<{ work: string; result: { value?: { steps?: number } } | null }>(
      'select work, result from selvedge.work where key = $1',
      [key],
    );
    if (!row) return undefined;
    const work = await readWork(row.work, key);
    const steps = row.result?.value?.steps ?? Number.POSITIVE_INFINITY;
    const taken: TakenWork = {
      key,
      work,
      attempt: 0,
      verifies: { steps },
      touch: async () => true,
      report: async ({ step }) => (step >= steps ? 'stop' : 'go on'),
      checkpoint: async () => undefined,
      finish: async () => {},
      giveBack: async () => {},
    };
    const result = await handlers[work.kind]!(taken, { artefacts, signal: new AbortController().signal });
    return result?.status === 'done' ? result.digest : undefined;
  };
}

function requireAgreement({ differences }: VerificationResult, shown: string): void {
  const [first] = differences;
  if (!first) return;
  const wrong = [...new Set(differences.flatMap(({ wrong: one }) => one ?? []))];
  const named =
    wrong.length > 0
      ? `worker "${wrong.join('", "')}" is wrong, and may work no more; look at its memory`
      : 'nobody said yet which is right; run with --verify';
  throw new SelvedgeError(
    'queue/differs',
    `Cannot trust the study of "${shown}": trial ${first.number} has weights ${first.digest.slice(0, 12)} on worker "${first.worker}" and ` +
      `${first.otherDigest.slice(0, 12)} on "${first.otherWorker}": ${named}; run it again with --again`,
  );
}

function describeVerification({ chosen, verified }: VerificationResult) {
  const missing = chosen > verified ? `, ${chosen - verified} more were not: no other worker was there` : '';
  return {
    json: { verification: { chosen, verified, differences: 0 } },
    text: `Verified: ${verified} trials came to the same bits on another worker${missing}`,
  };
}
