// selvedge worker: does the work of a queue until it is told to end. Not here: what is filed, and by whom.
import { platform } from '../platform/index.ts';
import { usageError } from './arguments.ts';
import { command, exitCodes } from './command.ts';
import { loadData } from './data.ts';
import { pictureOptions, readChoices } from './data-options.ts';
import { checkThreads, dataOption, threadsOption, wholeNumber } from './options.ts';
import { checkQueue, openQueue, queueOptions } from './queue-options.ts';

/** So long without work is enough for --until-empty. */
const EMPTY_MS = 3_000;

export const worker = command({
  name: 'worker',
  description: 'Do the work of a queue, filed by tune and others with --queue',
  endsItself: true,
  args: {
    ...queueOptions,
    name: {
      type: 'string',
      valueHint: 'name',
      description: 'Under which its results are kept (default: one that nobody has)',
    },
    'until-empty': { type: 'boolean', description: 'End when nothing is left to do' },
    idle: { type: 'string', valueHint: 'seconds', description: 'End after so long without work' },
    ...dataOption,
    ...pictureOptions,
    ...threadsOption,
  },
  async run(args, context) {
    if (args.queue === undefined)
      throw usageError('Missing "--queue": expected postgres://user@host/database or pglite:FOLDER');
    const idle = wholeNumber('idle', args.idle);
    checkThreads(args.threads);
    const name = args.name ?? `worker-${crypto.randomUUID().slice(0, 8)}`;
    if (!/^[\w][\w.-]*$/.test(name))
      throw usageError(`Option "--name" got "${name}": expected letters, digits, dots, dashes and underscores`);
    checkQueue(args.queue, args.artefacts);
    const { describeEvent, openWorkplace } = await import('./queue-work.ts');
    const { runWorker } = await import('../queue/index.ts');
    const loaded = await loadData(context, args.data, { choices: await readChoices(args, context) });
    const { queue, artefacts } = await openQueue(args.queue, args.artefacts, context);
    const workplace = await openWorkplace(name, { loaded, threads: args.threads, context });
    context.writeError(`Worker ${name} of ${queue.shown}, kernels ${workplace.identity.kernels.slice(0, 12)}\n`);
    const start = platform.now();
    const endsIdleMs = args['until-empty'] === true ? EMPTY_MS : idle && idle * 1000;
    try {
      const summary = await runWorker({
        ...workplace,
        queue,
        artefacts,
        signal: context.signal,
        ...(endsIdleMs === undefined ? {} : { endsIdleMs }),
        onEvent: (event) => {
          const line = describeEvent(event);
          if (line !== undefined) context.writeError(`${line}\n`);
        },
      });
      const minutes = ((platform.now() - start) / 60_000).toFixed(1);
      return {
        json: { worker: name, ...summary },
        text: `Worker ${name}: ${summary.finished} done, ${summary.givenBack} given back, in ${minutes} min`,
        exitCode: context.signal.aborted ? exitCodes.interrupted : exitCodes.ok,
      };
    } finally {
      workplace.dispose();
      await queue.close();
    }
  },
});
