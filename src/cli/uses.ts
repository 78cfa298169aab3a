// What is known of the uses in a shop, for the report: what `selvedge measure` has written beside a model of a run; of Fashion-MNIST also what
// docs/results has of the models that ship. Not here: what is said of it (src/report/uses.ts).
// Invariant: a measure that is not there is left out; one of the user's that cannot be read is an error that names its file.
import { messageOf, SelvedgeError } from '../core/errors.ts';
import { platform } from '../platform/index.ts';
import type { ReportUses, UseResults } from '../report/uses-input.ts';
import { pictureOf, type WrittenPicture } from './measures/example-picture.ts';
import { readShippedResult } from './result-files.ts';
import { runPaths } from './run-files.ts';

/** Written out, so that bundlers find the files. */
const addresses: Readonly<Record<keyof UseResults, () => URL>> = {
  categorise: () => new URL('../../docs/results/categorise.json', import.meta.url),
  retrieval: () => new URL('../../docs/results/retrieval.json', import.meta.url),
  recommendation: () => new URL('../../docs/results/recommendation.json', import.meta.url),
  anomaly: () => new URL('../../docs/results/anomaly.json', import.meta.url),
  defects: () => new URL('../../docs/results/defects.json', import.meta.url),
  quantification: () => new URL('../../docs/results/quantification.json', import.meta.url),
  trends: () => new URL('../../docs/results/trends.json', import.meta.url),
  detection: () => new URL('../../docs/results/detection.json', import.meta.url),
  generation: () => new URL('../../docs/results/generation.json', import.meta.url),
};
const names = Object.keys(addresses) as readonly (keyof UseResults)[];

interface Written {
  readonly example?: { readonly picture: WrittenPicture };
  readonly examples?: readonly { readonly images: readonly WrittenPicture[] }[];
}

/**
 * Gathers the uses.
 *
 * @param folder Of the model in its run
 * @param isOther Whether its data are another set, of which the models that ship know nothing
 * @returns Undefined where nothing is known
 * @throws SelvedgeError `run/format`
 */
export async function gatherUses(folder: string, isOther: boolean): Promise<ReportUses | undefined> {
  const found = await Promise.all(
    names.map(async (name) => {
      const path = platform.files.join(runPaths.measures(folder), `${name}.json`);
      const isOwn = (await platform.files.status(path)) !== undefined;
      if (!isOwn && isOther) return [];
      const text = isOwn ? await platform.files.readText(path) : await readShippedResult(addresses[name]());
      return text === undefined ? [] : [{ name, isOwn, result: resultOf(text, path) }];
    }),
  );
  const all = found.flat();
  if (all.length === 0) return undefined;
  return {
    results: Object.fromEntries(all.map(({ name, result }) => [name, result])),
    own: all.filter(({ isOwn }) => isOwn).map(({ name }) => name),
  };
}

function resultOf(text: string, path: string): object {
  try {
    const { example, examples, ...rest } = JSON.parse(text) as Written;
    return {
      ...rest,
      ...(example && { example: { ...example, picture: pictureOf(example.picture) } }),
      ...(examples && { examples: examples.map((each) => ({ ...each, images: each.images.map(pictureOf) })) }),
    };
  } catch (error) {
    throw new SelvedgeError('run/format', `Cannot read "${path}": ${messageOf(error)}; measure again`, {
      cause: error,
    });
  }
}
