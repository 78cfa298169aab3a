// What `selvedge measure` has written beside a model of a run, with the pictures that its results name, for the report; where it has not, of
// Fashion-MNIST what docs/results has of the model that ships. Not here: what is said of it (src/report/limitations.ts).
// Invariant: a measure of the run that cannot be read is an error that names its file; one that ships and does not fit is left out with the
// reason. Pictures are shown only of the data that were measured.
import * as v from 'valibot';
import { messageOf, SelvedgeError } from '../core/errors.ts';
import type { Dataset } from '../data/dataset.ts';
import type { LoadedData } from '../data/sources.ts';
import { wilsonInterval95 } from '../evaluation/statistics.ts';
import { platform } from '../platform/index.ts';
import {
  dataMeasures,
  type LimitationName,
  type LimitationResults,
  limitationSchemas,
  type ReportDuplicates,
  type ReportFlips,
  type ReportLabels,
  type ReportLimitations,
} from '../report/limitations-input.ts';
import type { GrayImage } from '../report/png.ts';
import { isStudied } from './measures/subject.ts';
import { parseResult, readShippedResult } from './result-files.ts';
import { runPaths } from './run-files.ts';

/** Written out, so that bundlers find the files. */
const addresses: Readonly<Record<LimitationName, () => URL>> = {
  classification: () => new URL('../../docs/results/classification.json', import.meta.url),
  calibration: () => new URL('../../docs/results/calibration.json', import.meta.url),
  robustness: () => new URL('../../docs/results/robustness.json', import.meta.url),
  outliers: () => new URL('../../docs/results/outliers.json', import.meta.url),
  explain: () => new URL('../../docs/results/explain.json', import.meta.url),
  labels: () => new URL('../../docs/results/labels.json', import.meta.url),
  duplicates: () => new URL('../../docs/results/duplicates.json', import.meta.url),
};
const names = Object.keys(addresses) as readonly LimitationName[];

/** What there is of a measure. */
interface Found {
  readonly name: LimitationName;
  readonly result?: unknown;
  /** Where it ships: the model that it is of, none where it is of the data. */
  readonly shipped?: { readonly model?: string };
  /** Why it is left out. */
  readonly absent?: string;
}

/**
 * Gathers the measures of a model.
 *
 * @param folder Of the model in its run
 * @param model Its name
 * @param data Of the run
 * @param readShipped The text of a file of docs/results, or undefined where there is none; tests give texts of their own
 * @returns What was measured, and what is left out; undefined where nothing is known
 * @throws SelvedgeError `run/format`
 */
export async function gatherLimitations(
  folder: string,
  model: string,
  data: LoadedData,
  readShipped: (name: LimitationName) => Promise<string | undefined> = (name) => readShippedResult(addresses[name]()),
): Promise<ReportLimitations | undefined> {
  const all = await Promise.all(
    names.map(async (name) => {
      const path = platform.files.join(runPaths.measures(folder), `${name}.json`);
      if (await platform.files.status(path)) return readOwn(name, path, data);
      const text = isStudied(data) ? await readShipped(name) : undefined;
      return text === undefined ? undefined : shippedOf(name, text, data);
    }),
  );
  const found = all.filter((each) => each !== undefined);
  if (found.length === 0) return undefined;
  const byName = (of: 'result' | 'shipped' | 'absent') =>
    Object.fromEntries(found.flatMap((each) => (each[of] === undefined ? [] : [[each.name, each[of]]])));
  return { model, ...byName('result'), shipped: byName('shipped'), absent: byName('absent') };
}

async function readOwn(name: LimitationName, path: string, data: LoadedData): Promise<Found> {
  try {
    const result = resultOf(name, await platform.files.readText(path), data, true);
    return { name, result };
  } catch (error) {
    throw new SelvedgeError('run/format', `Cannot read "${path}": ${messageOf(error)}; measure again`, {
      cause: error,
    });
  }
}

/** What a measure that ships is of. */
const ofDataSchema = v.object({ data: v.object({ files: v.array(v.string()) }) });
const ofModelSchema = v.object({ model: v.object({ name: v.string() }) });

function shippedOf(name: LimitationName, text: string, data: LoadedData): Found {
  try {
    const { files } = parseResult(ofDataSchema, text).data;
    const isSame = files.join() === data.source.files.map(({ sha256 }) => sha256).join();
    const shipped = dataMeasures.includes(name) ? {} : { model: parseResult(ofModelSchema, text).model.name };
    return { name, shipped, result: resultOf(name, text, data, isSame) };
  } catch (error) {
    return { name, absent: `cannot be read: ${messageOf(error)}` };
  }
}

/** @param hasImages Whether the images that the result names are those at hand */
function resultOf(name: LimitationName, text: string, data: LoadedData, hasImages: boolean): unknown {
  if (name === 'labels')
    return labelsOf(parseResult(limitationSchemas.labels, text), hasImages ? data.train : undefined);
  if (name === 'duplicates') {
    return duplicatesOf(parseResult(limitationSchemas.duplicates, text), hasImages ? data : undefined);
  }
  return parseResult(limitationSchemas[name], text);
}

type Written<Name extends LimitationName> = NonNullable<LimitationResults[Name]>;

function labelsOf({ likeliest, flips, ...rest }: Written<'labels'>, train: Dataset | undefined): ReportLabels {
  const { pairs, ...all } = flips;
  return {
    ...rest,
    likeliest: train ? likeliest.map((issue) => ({ ...issue, picture: imageAt(train, issue.image) })) : [],
    flips: {
      ...flipsOf(all, all.found),
      // Of a pair, what is suspected counts where the class before was guessed, what is found wherever.
      pairs: pairs.map((pair) => ({ ...pair, ...flipsOf(pair, Math.round(pair.precision * (pair.suspected ?? 0))) })),
    },
  };
}

/** @param right How many of the suspected were flipped */
function flipsOf(
  { flipped, suspected, found, precision, recall }: Omit<Written<'labels'>['flips'], 'pairs'>,
  right: number | undefined,
): ReportFlips {
  return {
    flipped,
    precision,
    recall,
    ...(suspected && right !== undefined ? { precision95: wilsonInterval95(right, suspected) } : {}),
    ...(flipped > 0 && found !== undefined ? { recall95: wilsonInterval95(found, flipped) } : {}),
  };
}

function duplicatesOf(
  { equalGroups, nearLevels, pairs, anchors }: Written<'duplicates'>,
  data: LoadedData | undefined,
): ReportDuplicates {
  const kinds = ['training', 'test', 'across'] as const;
  return {
    equal: equalGroups.length,
    nearLevels,
    anchors,
    pairs: kinds.map((kind) => ({
      kind,
      near: pairs[kind].near,
      nearest: data
        ? pairs[kind].nearest.map((pair) => ({
            ...pair,
            pictures: [
              imageAt(kind === 'test' ? data.test : data.train, pair.first),
              imageAt(kind === 'training' ? data.train : data.test, pair.second),
            ] as const,
          }))
        : [],
    })),
  };
}

/** One image of a set. */
export function imageAt({ images, width, height, channels, count }: Dataset, index: number): GrayImage {
  if (!(index >= 0 && index < count)) throw new RangeError(`expected an image from 0 to ${count - 1}, got ${index}`);
  const size = width * height * channels;
  return { width, height, channels, pixels: images.subarray(index * size, (index + 1) * size) };
}
