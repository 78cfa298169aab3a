// selvedge study: the whole study on any data by one command: explore, train both models, evaluate them, report.
// Not here: what a step does, which is the command of its name, and the tasks of the pipeline, which skip what has not changed.
// Invariant: stopped and called again, it goes on where it was.
import { platform } from '../platform/index.ts';
import { fitDefaults } from '../training/index.ts';
import { type ArgumentRules, parseArguments } from './arguments.ts';
import { type Command, type CommandContext, type CommandOutput, command, exitCodes } from './command.ts';
import { kindOfData } from './data.ts';
import { pictureOptions, readChoices } from './data-options.ts';
import { evaluate } from './evaluate.ts';
import { untilInterrupted } from './interruption.ts';
import { dataOption, runFolder, runOption, threadsOption } from './options.ts';
import { explore, report } from './report.ts';
import { train } from './train.ts';

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
  },
  async run(args, context, rawArgs) {
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
    for (const model of STUDY_MODELS) {
      const settings = words({ model, epochs, seed, augment, again, threads });
      const trained = await step(train, [...always, ...chosen, ...settings], context);
      if (trained.exitCode === exitCodes.interrupted) return interrupted(rawArgs, model, folder);
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

/** Options as words; those that were not given are left out. */
function words(options: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(options).flatMap(([name, value]) => {
    if (value === undefined || value === false) return [];
    return value === true ? [`--${name}`] : [`--${name}=${String(value)}`];
  });
}

/** Runs one command as if it had been called, and tells what it says. */
async function step(found: unknown, rawArgs: readonly string[], context: CommandContext): Promise<CommandOutput> {
  const known = found as Command;
  const rules: ArgumentRules = { ...known, args: { ...known.args, verbose: { type: 'boolean' } } };
  const args = parseArguments(rules, rawArgs);
  const run = (): Promise<CommandOutput> => known.run(args, context, rawArgs);
  context.writeError(`selvedge ${known.name} ${rawArgs.join(' ')}\n`);
  const output = await (known.endsItself ? run() : untilInterrupted(run, context.signal));
  if (known.name !== 'report') context.writeError(`${output.text}\n`);
  return output;
}

function interrupted(rawArgs: readonly string[], model: string, folder: string): CommandOutput {
  const resume = ['npx selvedge study', ...rawArgs].join(' ');
  return {
    json: { status: 'interrupted', folder, model, resume },
    text: `Stopped in ${model}; the same command goes on from there: ${resume}`,
    exitCode: exitCodes.interrupted,
  };
}
