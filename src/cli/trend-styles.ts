// selvedge trends --styles: clusters of the pictures of a class by what a network sees in them, named by their attributes, with the nearest
// pictures. Not here: clusters and attributes (src/apps/trends/).

import { unitRows } from '../apps/categorise/gate.ts';
import { clearWork, planShards, readPictureOf, type Shard } from '../apps/categorise/index.ts';
import { attributeKindOf, attributesOf, clusterRows, wordsOf } from '../apps/trends/index.ts';
import * as tf from '../backend/tfjs.ts';
import { SelvedgeError } from '../core/errors.ts';
import { decodeImage } from '../data/image-codecs.ts';
import { createPictureReader } from '../data/picture-reader.ts';
import { usualPreparation } from '../data/preparation.ts';
import { lastDenseOf } from '../models/index.ts';
import { readShippedFile } from '../models/shipped.ts';
import { createNetworkPredictor, restoreModel } from '../plan/index.ts';
import { platform } from '../platform/index.ts';
import { usageError } from './arguments.ts';
import type { CommandContext, CommandOutput } from './command.ts';
import { useEngine } from './options.ts';

export interface StyleArguments {
  readonly styles: string;
  readonly of?: string | undefined;
  readonly count?: number | undefined;
  readonly out?: string | undefined;
  readonly threads?: string | undefined;
}

/** Pictures of the class that are looked at, at most: the first. */
const MOST_PICTURES = 3000;
const NEAREST = 8;
const SEED = 1;

interface Seen {
  readonly name: string;
  readonly pixels: Uint8Array;
}

/** Tells the styles of a class. */
export async function tellStyles(args: StyleArguments, context: CommandContext): Promise<CommandOutput> {
  const { out, threads } = args;
  if (out !== undefined && !/\.html?$/i.test(out)) {
    throw usageError(`Option "--out" got "${out}": expected a file that ends in .html`);
  }
  await useEngine(threads);
  const { model, description } = await restoreModel(await readShippedFile('dropout'));
  try {
    const wanted = description.labels.findIndex((name) => name.toLowerCase() === args.of?.toLowerCase());
    if (wanted < 0) {
      throw usageError(`Option "--of" got "${args.of ?? 'nothing'}": expected one of ${description.labels.join(', ')}`);
    }
    const className = description.labels[wanted]!;
    const last = lastDenseOf(model)!;
    const { width, classes } = last;
    const predictor = createNetworkPredictor(
      tf.model({ inputs: model.inputs, outputs: [last.features, model.outputs[0]!] }),
    );
    const seen: Seen[] = [];
    const features: number[] = [];
    try {
      for await (const some of picturesOf(args.styles, context)) {
        const images = new Float32Array(some.length * 784);
        some.forEach(({ pixels }, row) => {
          for (let i = 0; i < 784; i++) images[row * 784 + i] = pixels[i]! / 255;
        });
        const [rows, probabilities] = predictor.predict(images) as [Float32Array, Float32Array];
        some.forEach((picture, row) => {
          const own = probabilities.subarray(row * classes, (row + 1) * classes);
          if (own.indexOf(Math.max(...own)) !== wanted || seen.length === MOST_PICTURES) return;
          seen.push(picture);
          features.push(...rows.subarray(row * width, (row + 1) * width));
        });
        if (seen.length === MOST_PICTURES) break;
      }
    } finally {
      predictor.dispose();
    }
    return await describeStyles(className, seen, unitRows(Float32Array.from(features), width), args, context);
  } finally {
    model.dispose();
  }
}

/** Pictures that can be read, some at a time; blank ones are passed over. */
async function* picturesOf(source: string, { cwd, signal }: CommandContext): AsyncGenerator<Seen[]> {
  const workFolder = platform.files.join(platform.cacheFolder(), 'styles');
  const options = { readPicture: createPictureReader(decodeImage), preparation: usualPreparation };
  for await (const shard of planShards([source], { cwd, workFolder, imagesPerShard: 1000, picturesPerShard: 200 })) {
    requireSize(shard, source);
    const some: Seen[] = [];
    for (let at = 0; at < shard.count; at++) {
      if (signal.aborted) throw new SelvedgeError('cli/interrupted', 'Interrupted');
      const pixels = await readPictureOf(shard, at, options);
      if (!pixels?.some((level) => level !== pixels[0])) continue;
      const { images } = shard;
      some.push({
        pixels,
        name: images.kind === 'idx' ? `${images.name}#${images.first + at}` : images.pictures[at]!.name,
      });
    }
    if (some.length > 0) yield some;
  }
  await clearWork(workFolder);
}

function requireSize({ images }: Shard, source: string): void {
  if (images.kind !== 'idx' || images.shape.join() === '28,28,1') return;
  throw new SelvedgeError(
    'categorise/shape',
    `Cannot tell styles of "${source}": expected images of 28x28x1, got ${images.shape.join('x')}`,
  );
}

/** A name of a style: attributes that it has more often than its class, by how much. */
function nameOf(own: readonly string[][], all: readonly string[][]): string {
  const share = (of: readonly string[][], word: string): number =>
    of.filter((words) => words.includes(word)).length / of.length;
  const words = [...new Set(all.flat())]
    .map((word) => ({ word, own: share(own, word), more: share(own, word) - share(all, word) }))
    .filter(({ own: often, more }) => often >= 0.4 && more > 0.05)
    .sort((a, b) => b.more - a.more || (a.word < b.word ? -1 : 1));
  return (
    words
      .slice(0, 3)
      .map(({ word }) => word)
      .join(', ') || 'like its class'
  );
}

async function describeStyles(
  className: string,
  seen: readonly Seen[],
  features: Float32Array,
  { count, out }: StyleArguments,
  { cwd }: CommandContext,
): Promise<CommandOutput> {
  const width = seen.length === 0 ? 1 : features.length / seen.length;
  const clusters = clusterRows(features, width, { seed: SEED, count });
  const kind = attributeKindOf(className);
  const all = seen.map(({ pixels }) => wordsOf(attributesOf(pixels, kind)));
  const styles = Array.from({ length: clusters.count }, (_, style) => {
    const rows = seen.map((_, row) => row).filter((row) => clusters.labels[row] === style);
    const distance = (row: number): number => {
      let sum = 0;
      for (let i = 0; i < width; i++) sum += (features[row * width + i]! - clusters.centres[style * width + i]!) ** 2;
      return sum;
    };
    const nearest = [...rows].sort((a, b) => distance(a) - distance(b) || a - b).slice(0, NEAREST);
    const own = rows.map((row) => all[row]!);
    const attributes = Object.fromEntries(
      [...new Set(own.flat())]
        .sort()
        .map((word) => [word, own.filter((words) => words.includes(word)).length / rows.length]),
    );
    return { name: nameOf(own, all), pictures: rows.length, share: rows.length / seen.length, attributes, nearest };
  }).sort((a, b) => b.pictures - a.pictures);
  const path = out === undefined ? undefined : platform.files.resolve(cwd, out);
  if (path !== undefined) {
    const { renderStylesPage } = await import('../report/index.ts');
    const page = renderStylesPage({
      className,
      stability: clusters.stability,
      styles: styles.map(({ name, share, pictures, nearest }) => ({
        name,
        share,
        pictures,
        images: nearest.map((row) => ({ width: 28, height: 28, pixels: seen[row]!.pixels })),
      })),
    });
    await platform.files.write(path, page);
  }
  return {
    json: {
      class: className,
      pictures: seen.length,
      stability: clusters.stability,
      styles: styles.map(({ nearest, ...style }) => ({ ...style, nearest: nearest.map((row) => seen[row]!.name) })),
      ...(path === undefined ? {} : { page: path }),
    },
    text: [
      `${seen.length} pictures of ${className}, ${styles.length} styles; halves of the pictures agree on them by ${clusters.stability.toFixed(2)} (1: wholly)`,
      ...styles.map(
        ({ name, share, nearest }) =>
          `  ${(100 * share).toFixed(1).padStart(5)}%  ${name}: ${nearest
            .slice(0, 3)
            .map((row) => seen[row]!.name)
            .join(', ')}`,
      ),
      ...(path === undefined ? [] : [`Page: ${path}`]),
    ].join('\n'),
  };
}
