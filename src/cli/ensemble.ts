// selvedge ensemble: several trained models as one, which evaluate, predict and export take like any other.
// Not here: what the mean is (models/ensemble.ts). Invariant: members were trained on the same data, and are whole.
import type * as tf from '../backend/tfjs.ts';
import { SelvedgeError } from '../core/errors.ts';
import { placeDataset } from '../data/batches.ts';
import { subsetOf } from '../data/dataset.ts';
import { type PreprocessingName, preprocessDataset } from '../data/preprocessing.ts';
import type { LoadedData } from '../data/sources.ts';
import { splitTrainValidation } from '../data/split.ts';
import { type FittedStack, fitStack } from '../evaluation/stack.ts';
import { averageModels, loadModel, saveModel, summarizeModel, weightsDigest } from '../models/index.ts';
import { createPredictor } from '../plan/index.ts';
import { platform } from '../platform/index.ts';
import { usageError } from './arguments.ts';
import { type CommandContext, command } from './command.ts';
import { loadRunData } from './data.ts';
import { dataFolder, dataOption, modelFolder, runFolder, runOption, threadsOption, useEngine } from './options.ts';
import {
  ensembleName,
  type Provenance,
  type RunSettings,
  readProvenance,
  removeResults,
  requireSameData,
  runPaths,
  writeJson,
} from './run-files.ts';
import { preprocessingOf } from './starting-point.ts';

interface Member {
  /** As the user named it. */
  readonly name: string;
  readonly folder: string;
  /** Folder of the model's files. */
  readonly files: string;
  readonly config: Provenance;
}

export const ensemble = command({
  name: 'ensemble',
  description: 'Make one model of several trained ones, the mean of their logits, or a learnt sum',
  takesList: true,
  args: {
    member: {
      type: 'positional',
      required: true,
      description: 'Trained models as <run>/<model>, or snapshots as <run>/<model>@<cycle>, two or more',
    },
    ...runOption,
    weights: {
      type: 'string',
      valueHint: 'shares',
      description: 'Of each, such as 0.5,0.3,0.2 (default: all the same)',
    },
    stack: {
      type: 'boolean',
      description: 'Learn from the validation images how much each counts, and each class',
    },
    ...dataOption,
    ...threadsOption,
  },
  async run({ _: names, run, weights, stack: isStacked, data, threads }, context) {
    if (isStacked && weights !== undefined) throw usageError('Options "--stack" and "--weights" exclude each other');
    const equal = sharesOf(weights, names.length);
    const folder = runFolder(context, run, ensembleName);
    const members = await Promise.all(names.map((name) => findMember(name, context)));
    const [{ config: first }] = members as [Member];
    for (const { folder: of, config } of members) requireSameData(of, config, first.source);
    const engine = await useEngine(threads);
    const models: tf.LayersModel[] = [];
    try {
      let classNames: unknown;
      const preprocessings: (PreprocessingName | undefined)[] = [];
      for (const member of members) {
        const { model, metadata } = await loadModel(member.files);
        models.push(model);
        classNames ??= metadata.classNames;
        preprocessings.push(preprocessingOf(metadata));
      }
      const preprocessing = sameOf(preprocessings);
      const digests = await Promise.all(models.map(weightsDigest));
      const stack = isStacked
        ? await learnStack(models, { members, preprocessing, data: await dataOf(members, context, data) })
        : undefined;
      const shares = stack?.factors ?? equal;
      const settings = {
        model: ensembleName,
        data: first.settings.data,
        ...(preprocessing === undefined ? {} : { preprocessing }),
        ...(first.settings.preparation && { preparation: first.settings.preparation }),
        members: members.map(({ name, config }, i) => ({
          name,
          share: shares[i]!,
          weights: digests[i]!,
          settings: config.settings,
        })),
        ...(stack && { stack }),
      };
      const model = await averageModels(models, stack ? { stack } : { weights: shares });
      models.push(model);
      const summary = summarizeModel(model);
      const weightsOfAll = await weightsDigest(model);
      await removeResults(folder);
      await saveModel(model, runPaths.model(folder), { settings, classNames });
      await writeJson(runPaths.config(folder), {
        settings,
        source: first.source,
        summary,
        engine,
        machine: platform.machine(),
        runtime: platform.runtime,
        finishedAt: new Date().toISOString(),
      });
      const { totalParameters } = summary;
      return {
        json: { folder, members: names, parameters: totalParameters, weights: weightsOfAll, ...(stack && { stack }) },
        text: [
          `${folder}: ${names.length} members, ${totalParameters} parameters`,
          `weights ${weightsOfAll}`,
          ...(stack ? [describeStack(stack)] : []),
        ].join('\n'),
      };
    } finally {
      for (const model of models) model.dispose();
    }
  },
});

const dataOf = ([first]: readonly Member[], context: CommandContext, data: string | undefined): Promise<LoadedData> =>
  loadRunData(context, data, first!.config.source, dataFolder(context, first!.name.split('/')[0]!));

interface Held {
  readonly members: readonly Member[];
  readonly preprocessing: PreprocessingName | undefined;
  readonly data: LoadedData;
}

/** Learns from images that no member was trained on: they have to have kept the same ones. */
async function learnStack(models: readonly tf.LayersModel[], { members, preprocessing, data }: Held) {
  const [{ folder, config }] = members as [Member];
  requireSameData(folder, config, data.source);
  const keptBy = members.map(({ config: { settings } }) => {
    const { validationExamples = 0, splitSeed } = settings as Partial<RunSettings>;
    return { validationExamples, splitSeed };
  });
  const [kept] = keptBy as [(typeof keptBy)[0]];
  members.forEach(({ name }, i) => {
    const { validationExamples, splitSeed } = keptBy[i]!;
    const isSame = validationExamples === kept.validationExamples && splitSeed === kept.splitSeed;
    if (validationExamples > 0 && isSame) return;
    throw new SelvedgeError(
      'ensemble/stack',
      `Cannot stack "${name}": expected members that kept the same validation images from training, got ${validationExamples} of split ${splitSeed}`,
    );
  });
  const { train, split } = data;
  const { validation } =
    split ?? splitTrainValidation(train.count, { testSize: kept.validationExamples, randomState: kept.splitSeed! });
  const raw = subsetOf(train, validation, 'validation');
  const set = preprocessing === undefined ? raw : preprocessDataset(raw, preprocessing);
  const resident = placeDataset(set);
  try {
    const probabilities = models.map((model) => {
      const predictor = createPredictor(model);
      try {
        return predictor.predictExamples(resident.examples(), 0, set.count);
      } finally {
        predictor.dispose();
      }
    });
    return fitStack({ members: probabilities, labels: set.labels, classes: set.classNames.length });
  } finally {
    resident.dispose();
  }
}

const describeStack = ({ factors, outOfFoldLoss, meanLoss }: FittedStack): string =>
  `factors ${factors.map((factor) => factor.toFixed(3)).join(', ')}; log loss of the validation images out of fold ` +
  `${outOfFoldLoss.toFixed(4)}, of the mean ${meanLoss.toFixed(4)}`;

/** Members see the same images. */
function sameOf(preprocessings: readonly (PreprocessingName | undefined)[]): PreprocessingName | undefined {
  const [first, ...others] = preprocessings;
  if (others.every((one) => one === first)) return first;
  const names = preprocessings.map((one) => one ?? 'none').join(' and ');
  throw new SelvedgeError(
    'ensemble/preprocessing',
    `Cannot average models: expected members of the same preprocessing, got ${names}`,
  );
}

function sharesOf(text: string | undefined, count: number): number[] {
  if (count < 2) throw usageError(`Command "ensemble" got ${count} member: expected two or more, as <run>/<model>`);
  if (text === undefined) return Array.from({ length: count }, () => 1 / count);
  const shares = text.split(',').map((share) => (share.trim() === '' ? Number.NaN : Number(share)));
  if (shares.length === count && shares.every((share) => share > 0 && Number.isFinite(share))) {
    const sum = shares.reduce((total, share) => total + share, 0);
    return shares.map((share) => share / sum);
  }
  throw usageError(`Option "--weights" got "${text}": expected ${count} numbers above 0 with commas between`);
}

async function findMember(name: string, context: CommandContext): Promise<Member> {
  const [, run, model, cycle] = /^([^/]+)\/([^/@]+)(?:@(\d+))?$/.exec(name) ?? [];
  if (!run || !model) {
    throw usageError(
      `Command "ensemble" got member "${name}": expected <run>/<model>, such as record/record-30, or <run>/<model>@<cycle>`,
    );
  }
  const folder = await modelFolder(context, run, model);
  const config = await readProvenance(folder);
  if (cycle === undefined) return { name, folder, files: runPaths.model(folder), config };
  const files = runPaths.snapshot(folder, Number(cycle));
  if (await platform.files.status(files)) return { name, folder, files, config };
  const kept = (await platform.files.list(runPaths.snapshots(folder))).join(', ') || 'none';
  throw new SelvedgeError(
    'ensemble/snapshot',
    `Cannot find snapshot ${cycle} of "${folder}": it keeps ${kept}; train with --schedule cosine --cycles`,
  );
}
