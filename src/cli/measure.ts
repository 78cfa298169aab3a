// selvedge measure: every scientific figure under one verb. Not here: what is measured (measures/) and the mathematics (src/evaluation/).
// Invariant: JSON is a function of model, data and settings: no time, no machine, and numbers to six digits after the point, so that the
// same command gives the same file on every engine.
import { SelvedgeError } from '../core/errors.ts';
import type { LoadedData } from '../data/sources.ts';
import { isShippedName, type ShippedName, shippedModelFolder } from '../models/index.ts';
import { platform } from '../platform/index.ts';
import { usageError } from './arguments.ts';
import { chosenFolder, chosenModelOptions, loadChosenModel, restoreShippedModel } from './chosen-model.ts';
import { type CommandContext, command } from './command.ts';
import { loadData, loadRunData } from './data.ts';
import { untilInterrupted } from './interruption.ts';
import { type MeasureName, type MeasureOptions, measureGroups, measureNames, measures } from './measures/index.ts';
import { openSubject, type Subject } from './measures/subject.ts';
import {
  checkThreads,
  dataFolder,
  dataOption,
  modelFolder,
  runFolder,
  threadsOption,
  useEngine,
  wholeNumber,
} from './options.ts';
import { againOption, checkQueueOptions, queueOptions, verifyOption } from './queue-options.ts';
import { readProvenance, requireSameData, runPaths, writeJson } from './run-files.ts';

export const measure = command({
  name: 'measure',
  description: 'Measure what a study says of its limits: calibration, robustness, label errors …',
  // A measure that trains keeps what it has done.
  endsItself: true,
  args: {
    name: {
      type: 'positional',
      required: false,
      description: `${measureNames.map((name) => `${name} (${measures[name].description})`).join('; ')}; or study, apps or all of them (default with --into: study)`,
    },
    ...chosenModelOptions,
    into: {
      type: 'string',
      valueHint: 'folder',
      description: 'Write each result as <name>.json into this folder, too',
    },
    epochs: { type: 'string', valueHint: 'count', description: 'Epochs of a measure that trains (labels; default: 3)' },
    ...dataOption,
    ...threadsOption,
    ...queueOptions,
    ...verifyOption,
    ...againOption,
  },
  async run(args, context) {
    const asked = args.name ?? (args.into === undefined ? undefined : 'study');
    if (asked === undefined) throw usageError(`Missing NAME: expected one of ${allNames}`);
    const names = namesOf(asked);
    checkThreads(args.threads);
    checkQueueOptions(args, ['again']);
    const { run, model: name, threads } = args;
    const isNamed = run === undefined && args['model-folder'] === undefined && name !== undefined && name !== 'dropout';
    const named = isNamed && isShippedName(name) ? name : undefined;
    const folder = named ? undefined : await chosenFolder(args, context);
    const chosen: MeasuredPath = named ?? (folder === shippedModelFolder() ? 'dropout' : { path: folder! });
    const options = {
      workFolder: runFolder(context, run ?? 'measure'),
      epochs: wholeNumber('epochs', args.epochs),
    };
    const data = async (): Promise<LoadedData> => {
      if (run === undefined) return loadData(context, args.data);
      const trained = await modelFolder(context, run, name ?? 'dropout');
      const provenance = await readProvenance(trained);
      const loaded = await loadRunData(context, args.data, provenance.source, dataFolder(context, run));
      requireSameData(trained, provenance, loaded.source);
      return loaded;
    };
    const folders = [
      ...(args.into === undefined ? [] : [platform.files.resolve(context.cwd, args.into)]),
      // Beside the evaluation of a run, where its report looks.
      ...(run === undefined ? [] : [runPaths.measures(await modelFolder(context, run, name ?? 'dropout'))]),
    ];
    const found: [MeasureName, object, string][] = [];
    const take = async (measured: MeasureName, { json, text }: MeasuredJson): Promise<void> => {
      found.push([measured, json, text]);
      for (const into of folders) await writeJson(platform.files.join(into, `${measured}.json`), json);
    };
    if (args.queue !== undefined) {
      const { measureByQueue } = await import('./measure-queue.ts');
      const { lines } = await measureByQueue(
        { names, model: chosen, epochs: options.epochs, loaded: await data(), take },
        args,
        context,
      );
      for (const line of lines) context.writeError(`${line}\n`);
    } else {
      const open = async (): Promise<Subject> => {
        const [loaded] = await Promise.all([data(), useEngine(threads)]);
        return openSubject(context, loaded, () => loadMeasured(chosen));
      };
      const subject = await untilInterrupted(open, context.signal);
      try {
        for (const measured of names) await take(measured, await measureOne(measured, subject, options));
      } finally {
        subject.dispose();
      }
    }
    return {
      json: found.length > 1 ? Object.fromEntries(found) : found[0]![1],
      text: found.map(([measured, , text]) => (found.length > 1 ? `${measured}\n${text}` : text)).join('\n\n'),
    };
  },
});

/** What a measure found: the same here and on a worker. */
export interface MeasuredJson {
  readonly json: Readonly<Record<string, unknown>>;
  readonly text: string;
}

/** A model that ships, or the path of another. */
type MeasuredPath = ShippedName | { readonly path: string };

/** Of dropout its weights of float32 ship, too. */
const loadMeasured = (model: MeasuredPath) =>
  typeof model === 'string' && model !== 'dropout'
    ? restoreShippedModel(model)
    : loadChosenModel(typeof model === 'string' ? shippedModelFolder() : model.path, 'measure');

/**
 * One measure of a model, on the engine that runs.
 *
 * @throws SelvedgeError `measure/unknown`, and as the measure
 */
export async function measureNamed(
  name: string,
  model: MeasuredPath,
  options: MeasureOptions,
  loaded: LoadedData,
  context: CommandContext,
): Promise<MeasuredJson> {
  const known = measureNames.find((one) => one === name);
  if (known === undefined)
    throw new SelvedgeError('measure/unknown', `Cannot measure "${name}": expected one of ${measureNames.join(', ')}`);
  const subject = openSubject(context, loaded, () => loadMeasured(model));
  try {
    return await measureOne(known, subject, options);
  } finally {
    subject.dispose();
  }
}

const allNames = `${measureNames.join(', ')}, or study, apps or all of them`;

function namesOf(name: string): readonly MeasureName[] {
  if (name === 'all') return measureNames;
  const group = measureGroups.find((known) => known === name);
  if (group !== undefined) return measureNames.filter((known) => measures[known].group === group);
  const found = measureNames.find((known) => known === name);
  if (found !== undefined) return [found];
  throw usageError(`Unknown measure "${name}": expected one of ${allNames}`);
}

async function measureOne(name: MeasureName, subject: Subject, options: MeasureOptions): Promise<MeasuredJson> {
  const { usesModel, trains, load } = measures[name];
  const run = await load();
  // Who trains hears of Ctrl-C himself, so that his checkpoint is written.
  const go = () => run(subject, options);
  const { result, text } = await (trains ? go() : untilInterrupted(go, subject.context.signal));
  const { source } = subject.data;
  const json = rounded({
    measure: name,
    ...(usesModel ? { model: await modelOf(subject) } : {}),
    data: { isSample: source.isSample, files: source.files.map(({ sha256 }) => sha256) },
    ...result,
  }) as Readonly<Record<string, unknown>>;
  return { json, text };
}

async function modelOf(subject: Subject) {
  const { model, weights } = await subject.model();
  return { name: model.name, weights };
}

/** Engines differ in the last bits of logarithms and exponentials; nobody reads a seventh digit. */
function rounded(value: unknown): unknown {
  if (typeof value === 'number') return Number.isInteger(value) ? value : Number(value.toFixed(6));
  if (Array.isArray(value)) return value.map(rounded);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, rounded(inner)]));
}
