// What `selvedge measure` has written beside a model of a run, with the pictures that its results name, for the report.
// Invariant: a measure that is not there is left out; one that cannot be read is an error that names its file.
import { messageOf, SelvedgeError } from '../core/errors.ts';
import type { Dataset } from '../data/dataset.ts';
import type { LoadedData } from '../data/sources.ts';
import { platform } from '../platform/index.ts';
import type { GrayImage } from '../report/png.ts';
import type { ReportLimitations } from '../report/study-report-input.ts';
import { type MeasureName, measureNames } from './measures/index.ts';
import { runPaths } from './run-files.ts';

/** Pairs and label errors as the results name them: by number. */
interface Written {
  readonly [name: string]: unknown;
}

interface WrittenPair {
  readonly first: number;
  readonly second: number;
  readonly firstLabel: string;
  readonly secondLabel: string;
  readonly levels: number;
}

/**
 * Gathers the measures of a model.
 *
 * @param folder Of the model in its run
 * @param model Its name
 * @returns What was measured, or undefined where nothing was
 * @throws SelvedgeError `run/format`
 */
export async function gatherLimitations(
  folder: string,
  model: string,
  data: LoadedData,
): Promise<ReportLimitations | undefined> {
  const found = new Map<MeasureName, Written>();
  for (const name of measureNames) {
    const path = platform.files.join(runPaths.measures(folder), `${name}.json`);
    if (!(await platform.files.status(path))) continue;
    found.set(name, await readMeasure(path));
  }
  if (found.size === 0) return undefined;
  try {
    return {
      model,
      ...Object.fromEntries(found),
      ...(found.has('labels') ? { labels: withPictures(found.get('labels')!, data.train) } : {}),
      ...(found.has('duplicates') ? { duplicates: duplicatesOf(found.get('duplicates')!, data) } : {}),
    } as ReportLimitations;
  } catch (error) {
    throw unreadable(runPaths.measures(folder), error);
  }
}

async function readMeasure(path: string): Promise<Written> {
  try {
    return JSON.parse(await platform.files.readText(path)) as Written;
  } catch (error) {
    throw unreadable(path, error);
  }
}

const unreadable = (path: string, error: unknown): SelvedgeError =>
  new SelvedgeError('run/format', `Cannot read "${path}": ${messageOf(error)}; measure again`, { cause: error });

function withPictures(labels: Written, train: Dataset): Written {
  const likeliest = labels.likeliest as readonly { readonly image: number }[];
  return { ...labels, likeliest: likeliest.map((issue) => ({ ...issue, picture: imageAt(train, issue.image) })) };
}

function duplicatesOf(duplicates: Written, { train, test }: LoadedData): Written {
  const sets = { training: [train, train], test: [test, test], across: [train, test] } as const;
  const pairs = duplicates.pairs as Readonly<Record<keyof typeof sets, { readonly nearest: readonly WrittenPair[] }>>;
  return {
    equal: (duplicates.equalGroups as readonly unknown[]).length,
    nearLevels: duplicates.nearLevels,
    pairs: Object.entries(pairs).map(([kind, summary]) => {
      const [first, second] = sets[kind as keyof typeof sets];
      const nearest = summary.nearest.map((pair) => ({
        ...pair,
        pictures: [imageAt(first, pair.first), imageAt(second, pair.second)],
      }));
      return { ...summary, kind, nearest };
    }),
  };
}

/** One image of a set. */
export function imageAt({ images, width, height, channels, count }: Dataset, index: number): GrayImage {
  if (!(index >= 0 && index < count)) throw new RangeError(`expected an image from 0 to ${count - 1}, got ${index}`);
  const size = width * height * channels;
  return { width, height, channels, pixels: images.subarray(index * size, (index + 1) * size) };
}
