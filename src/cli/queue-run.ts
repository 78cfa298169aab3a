// Files works whose results are artefacts, and takes them in order: what train, study, ensemble and measure do with --queue. Not here: what is filed,
// and what becomes of results. Invariant: results are those of one process, whoever did what.
import { SelvedgeError } from '../core/errors.ts';
import type { LoadedData } from '../data/sources.ts';
import { createVerification, type KeyedWork, type Needs, overWorks, type Report } from '../queue/index.ts';
import type { CommandContext } from './command.ts';
import { type OpenQueue, openQueue, type QueueArguments, shareOf } from './queue-options.ts';
import { describeVerification, judgeOf, requireAgreement } from './queue-verification.ts';
import { needsOf, openWorkplace, startOwnWorker } from './queue-work.ts';
import { splitOf } from './training.ts';

export interface QueueRun {
  readonly args: QueueArguments;
  readonly loaded: LoadedData;
  /** What is filed, once the queue is open; each after those that it is made of. */
  readonly works: (open: OpenQueue, needs: Needs) => Promise<readonly KeyedWork[]>;
  /** What a work is called, by its number. */
  readonly nameOf: (number: number) => string;
  /** Takes the result of a work, in their order. */
  readonly take: (bytes: Uint8Array, number: number) => Promise<void>;
}

/** What there is to say beside the results. */
export interface QueueFindings {
  readonly json: object;
  readonly lines: readonly string[];
}

/**
 * Has the workers of a queue do works, this process among them where nobody else can.
 *
 * @throws SelvedgeError what a work failed with; `queue/…`; `cli/interrupted`
 */
export async function runByQueue(run: QueueRun, context: CommandContext): Promise<QueueFindings> {
  const { args, loaded, nameOf } = run;
  const share = shareOf(args.verify);
  const open = await openQueue(args.queue!, args.artefacts, context);
  const { queue, artefacts } = open;
  const workplace = await openWorkplace('coordinator', { loaded, threads: args.threads, context });
  const own = startOwnWorker(open, workplace, context.signal);
  try {
    const works = await run.works(open, await needsOf(loaded, splitOf(loaded)));
    const judge = judgeOf(open, workplace.handlers, context.signal);
    const verification = createVerification(queue, share === undefined ? undefined : { share, seed: 1, judge });
    const results = overWorks(works, {
      queue,
      artefacts,
      signal: context.signal,
      again: args.again === true,
      onReport: (number, report) => context.writeError(`${nameOf(number)}, ${describeReport(report)}\n`),
      onLonely: () => context.writeError(`No worker is there yet: selvedge worker --queue ${queue.shown}\n`),
    });
    for (const [number, { key }] of works.entries()) {
      const next = await own.beside(results.next());
      if (next.done) break;
      await run.take(next.value, number);
      await verification.consider(key, number);
    }
    const verified = await own.beside(verification.end(true, context.signal));
    requireAgreement(verified, queue.shown, nameOf);
    if (share === undefined) return { json: {}, lines: [] };
    const { json, text } = describeVerification(verified, 'works');
    return { json, lines: [text] };
  } catch (error) {
    if (!(error instanceof SelvedgeError) || error.code !== 'queue/interrupted') throw error;
    throw new SelvedgeError('cli/interrupted', error.message, { cause: error });
  } finally {
    await own.stop();
    workplace.dispose();
    await queue.close();
  }
}

const describeReport = ({ step, value, durationMs }: Report): string =>
  `epoch ${step}: accuracy ${value.toFixed(4)}, ${(durationMs / 1000).toFixed(1)} s`;
