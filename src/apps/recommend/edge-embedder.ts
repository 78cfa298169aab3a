// An embedder on kernels of its own: no tfjs, no threads, no files. Not here: making its file (export-embedder.ts).
// Invariant: an image has the same vector whatever is embedded beside it: that of `openEmbedder` of the same weights, up to rounding.
import * as v from 'valibot';
import { SelvedgeError } from '../../core/errors.ts';
import { naturalExponential } from '../../core/exponential.ts';
import { type ClassifierOptions, createClassifier } from '../../edge/index.ts';
import type { Embedder } from './embedder.ts';
import { checkFinite, joinParts } from './join-parts.ts';

const natural = v.pipe(v.number(), v.integer(), v.minValue(1));
const embeddingSchema = v.object({ digest: v.string(), hidden: v.pipe(v.array(natural), v.minLength(1)) });

/**
 * Makes an embedder ready from its file.
 *
 * @param options The file, as `selvedge index --edge` or `exportEmbedder` makes it, and build/edge.wasm, compiled
 * @returns An embedder, whose `embed` throws what `classify` throws, `image/blank` among it; `dispose` has nothing to do
 * @throws SelvedgeError `edge/…`, `embedding/no-features` for a file of another network
 * @example
 * ```ts
 * import { readFile } from 'node:fs/promises';
 * import { edgeKernelsDigest, exportEmbedder, loadShippedModel, startBackend } from 'selvedge';
 * import { createEmbedder } from 'selvedge/apps/recommend';
 * const kernels = await WebAssembly.compile(await readFile(new URL(import.meta.resolve('selvedge/build/edge.wasm'))));
 * const engine = await startBackend({ threads: 1 });
 * const { model: dropout } = await loadShippedModel();
 * const classNames = Array.from({ length: 10 }, (_, label) => `class ${label}`);
 * const model = await exportEmbedder(dropout, { classNames, kernels: edgeKernelsDigest(kernels) });
 * dropout.dispose();
 * await engine.stop();
 * const embedder = await createEmbedder({ model, kernels });
 * console.assert(embedder.embed(Uint8Array.from({ length: 784 }, (_, i) => i % 251)).vectors.length === 128 + 10);
 * ```
 */
export async function createEmbedder(options: ClassifierOptions): Promise<Embedder> {
  const { model, classify } = await createClassifier(options);
  const { name, labels, inputShape, settings } = model;
  const { output: embedding, success } = v.safeParse(embeddingSchema, settings.embedding);
  const classes = success ? labels.length - embedding.hidden.reduce((sum, width) => sum + width, 0) : 0;
  if (!success || classes < 1) {
    throw new SelvedgeError(
      'embedding/no-features',
      `Cannot embed by model "${name}": expected a file of "selvedge index --edge", got one that answers otherwise`,
    );
  }
  const { digest: modelDigest, hidden } = embedding;
  const dimension = labels.length;
  return {
    modelName: name,
    modelDigest,
    dimension,
    classes,
    shape: inputShape,
    embed(images) {
      const values = classify(images);
      const vectors = new Float32Array(values.length);
      const parts = columnsOf(values, [...hidden, classes]);
      const probabilities = softmax(parts.at(-1)!, classes);
      joinParts([...parts.slice(0, -1), probabilities], [...hidden, classes], vectors);
      checkFinite(vectors, name);
      return { vectors, probabilities };
    },
    dispose() {},
  };
}

/** Rows `[count, sum of widths]` as `[count, width]` of each. */
function columnsOf(values: Float32Array, widths: readonly number[]): Float32Array[] {
  const dimension = widths.reduce((sum, width) => sum + width, 0);
  const count = values.length / dimension;
  let start = 0;
  return widths.map((width) => {
    const own = new Float32Array(count * width);
    for (let row = 0; row < count; row++) {
      const from = row * dimension + start;
      own.set(values.subarray(from, from + width), row * width);
    }
    start += width;
    return own;
  });
}

/** Of each row of logits. */
function softmax(logits: Float32Array, classes: number): Float32Array {
  const probabilities = new Float32Array(logits.length);
  for (let start = 0; start < logits.length; start += classes) {
    const own = logits.subarray(start, start + classes);
    const largest = Math.max(...own);
    const powers = Array.from(own, (logit) => naturalExponential(logit - largest));
    const sum = powers.reduce((all, power) => all + power, 0);
    probabilities.set(
      powers.map((power) => power / sum),
      start,
    );
  }
  return probabilities;
}
