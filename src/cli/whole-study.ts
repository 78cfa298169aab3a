// selvedge study: the whole study on any data by one command: explore, train both models, evaluate them, report.
// Not here: what a step does, which is the command of its name, and the tasks of the pipeline, which skip what has not changed.
// Invariant: stopped and called again, it goes on where it was.
import { platform } from '../platform/index.ts';
import { fitDefaults } from '../training/index.ts';
import { type CommandContext, type CommandOutput, command, exitCodes } from './command.ts';
import { kindOfData } from './data.ts';
import { pictureOptions, readChoices } from './data-options.ts';
import { evaluate } from './evaluate.ts';
import { dataOption, runFolder, runOption, threadsOption } from './options.ts';
import { checkQueueOptions, type QueueArguments, queueOptions, verifyOption } from './queue-options.ts';
import { explore, report } from './report.ts';
import { parseStep, step, words } from './step.ts';
import { planTraining, train } from './train.ts';
import type { PlannedTraining } from './training.ts';

/** The models of the study, in its order. */
const STUDY_MODELS = ['baseline', 'dropout'] as const;
/** As in the pipeline. */
const DEFAULT_EPOCHS = 5;

export const study = command({
  name: 'study',
  description: 'The whole study on any data: explore, train both models, evaluate, report',
  endsItself: true,
  args: {
    run: { ...runOption.run, default: 'study' },
    epochs: { type: 'string', valueHint: 'count', description: `Epochs of each model (default: ${DEFAULT_EPOCHS})` },
    seed: {
      type: 'string',
      valueHint: 'number',
      description: `Of weights, order and masks (default: ${fitDefaults.seed})`,
    },
    augment: { type: 'boolean', description: 'Change training images at random, as train --augment does' },
    again: { type: 'boolean', description: 'Replace finished models, or ones with other settings' },
    ...dataOption,
    ...pictureOptions,
    ...threadsOption,
    ...queueOptions,
    ...verifyOption,
  },
  async run(args, context, rawArgs) {
    checkQueueOptions(args);
    const { run, epochs = String(DEFAULT_EPOCHS), seed, augment, again, data, threads } = args;
    const folder = runFolder(context, run);
    const { verbose } = args as { verbose?: boolean };
    const always = words({ run, ...(verbose && { verbose }) });
    // Other data are the run's own once they are explored.
    const isUsual =
      (await kindOfData(context, data, { choices: await readChoices(args, context) })) === 'fashion-mnist';
    const chosen = words({
      data,
      ...Object.fromEntries(Object.keys(pictureOptions).map((name) => [name, args[name]])),
    });
    const later = isUsual ? words({ data }) : [];
    const explored = await step(explore, [...always, ...chosen], context);
    const accuracies: { model: string; accuracy: number }[] = [];
    const training = (model: string): string[] => [
      ...always,
      ...chosen,
      ...words({ model, epochs, seed, augment, again, threads }),
    ];
    if (args.queue !== undefined) await trainThere(STUDY_MODELS.map(training), args, context);
    for (const model of STUDY_MODELS) {
      // What workers have trained is there.
      const trained = args.queue === undefined ? await step(train, training(model), context) : undefined;
      if (trained?.exitCode === exitCodes.interrupted) return interrupted(rawArgs, model, folder);
      const { json } = await step(evaluate, [...always, ...later, ...words({ model, threads })], context);
      accuracies.push({ model, accuracy: (json as { accuracy: number }).accuracy });
    }
    const reported = (await step(report, [...always, ...later, ...words({ threads })], context)).json;
    const path = (reported as { report: string }).report;
    return {
      json: { status: 'complete', folder, ...(explored.json as object), models: accuracies, report: path },
      text: [
        ...accuracies.map(({ model, accuracy }) => `${model}: test accuracy ${accuracy.toFixed(4)}`),
        `Report: ${platform.files.resolve(path)}`,
      ].join('\n'),
    };
  },
});

/** Has workers train all models at once. */
async function trainThere(calls: readonly string[][], args: QueueArguments, context: CommandContext): Promise<void> {
  const { trainByQueue } = await import('./train-queue.ts');
  const planned: PlannedTraining[] = [];
  for (const rawArgs of calls) planned.push(await planTraining(parseStep(train, rawArgs), context, rawArgs));
  const { found } = await trainByQueue(planned, args, context);
  for (const line of found.lines) context.writeError(`${line}\n`);
}

function interrupted(rawArgs: readonly string[], model: string, folder: string): CommandOutput {
  const resume = ['npx selvedge study', ...rawArgs].join(' ');
  return {
    json: { status: 'interrupted', folder, model, resume },
    text: `Stopped in ${model}; the same command goes on from there: ${resume}`,
    exitCode: exitCodes.interrupted,
  };
}
