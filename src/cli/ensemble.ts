// selvedge ensemble: several trained models as one, which evaluate, predict and export take like any other.
// Not here: what the mean is (models/ensemble.ts). Invariant: members were trained on the same data, and are whole.
import type * as tf from '../backend/tfjs.ts';
import { SelvedgeError } from '../core/errors.ts';
import type { PreprocessingName } from '../data/preprocessing.ts';
import { averageModels, loadModel, saveModel, summarizeModel, weightsDigest } from '../models/index.ts';
import { platform } from '../platform/index.ts';
import { usageError } from './arguments.ts';
import { type CommandContext, command } from './command.ts';
import { modelFolder, runFolder, runOption, threadsOption, useEngine } from './options.ts';
import {
  ensembleName,
  type Provenance,
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
  readonly config: Provenance;
}

export const ensemble = command({
  name: 'ensemble',
  description: 'Make one model of several trained ones, the mean of their logits',
  takesList: true,
  args: {
    member: { type: 'positional', required: true, description: 'Trained models as <run>/<model>, two or more' },
    ...runOption,
    weights: {
      type: 'string',
      valueHint: 'shares',
      description: 'Of each, such as 0.5,0.3,0.2 (default: all the same)',
    },
    ...threadsOption,
  },
  async run({ _: names, run, weights, threads }, context) {
    const shares = sharesOf(weights, names.length);
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
        const { model, metadata } = await loadModel(runPaths.model(member.folder));
        models.push(model);
        classNames ??= metadata.classNames;
        preprocessings.push(preprocessingOf(metadata));
      }
      const preprocessing = sameOf(preprocessings);
      const digests = await Promise.all(models.map(weightsDigest));
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
      };
      const model = await averageModels(models, { weights: shares });
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
        json: { folder, members: names, parameters: totalParameters, weights: weightsOfAll },
        text: `${folder}: ${names.length} members, ${totalParameters} parameters\nweights ${weightsOfAll}`,
      };
    } finally {
      for (const model of models) model.dispose();
    }
  },
});

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
  const [run, model, ...rest] = name.split('/');
  if (!run || !model || rest.length > 0) {
    throw usageError(`Command "ensemble" got member "${name}": expected <run>/<model>, such as record/record-30`);
  }
  const folder = await modelFolder(context, run, model);
  return { name, folder, config: await readProvenance(folder) };
}
