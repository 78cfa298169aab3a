// selvedge tune --queue: files the trials of a study and follows them. Not here: the study itself (tune.ts) and training (worker.ts), but for an
// embedded queue, whose only worker is this process. Invariant: the table is that of `tune` without a queue.
import { SelvedgeError } from '../core/errors.ts';
import type { TuneOptions } from '../experiments/index.ts';
import { tuneOverQueue } from '../queue/index.ts';
import type { CommandContext } from './command.ts';
import { openQueue, shareOf } from './queue-options.ts';
import { describeVerification, judgeOf, requireAgreement } from './queue-verification.ts';
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
  const workplace = await openWorkplace('coordinator', { loaded: source.loaded, threads: args.threads, context });
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
          : {
              verification: {
                share,
                seed: common.settings.seed,
                judge: judgeOf(open, workplace.handlers, context.signal),
              },
            }),
      }),
    );
    requireAgreement(verification, open.queue.shown, (number) => `trial ${number}`);
    return share === undefined ? result : { ...result, found: describeVerification(verification, 'trials') };
  } catch (error) {
    if (!(error instanceof SelvedgeError) || error.code !== 'queue/interrupted') throw error;
    throw new SelvedgeError('cli/interrupted', error.message, { cause: error });
  } finally {
    await own.stop();
    workplace.dispose();
    await open.queue.close();
  }
}
