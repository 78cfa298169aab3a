// An embedder as a file that src/edge/ runs: the classifier with its hidden layers beside its logits as its output. Not here: running it
// (edge-embedder.ts). Invariant: the file names the model whose catalogues it searches.
import * as tf from '../../backend/tfjs.ts';
import { SelvedgeError } from '../../core/errors.ts';
import { lastDenseOf, replaceLastDense, weightsDigest } from '../../models/index.ts';
import { endingOf, exportModel } from '../../plan/index.ts';
import { hiddenLayers } from './embedder.ts';

export interface ExportEmbedderOptions {
  readonly classNames: readonly string[];
  /** What the model was trained with. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** `edgeKernelsDigest` of the kernels that will run it. */
  readonly kernels: string;
}

/**
 * Makes a file of a classifier that embeds without an engine. Needs a started backend.
 *
 * @param model As for `openEmbedder`; it stays the caller's
 * @returns The bytes, which `createEmbedder` of `selvedge/apps/recommend` takes. Their filters are int8: of a model that ships, which was
 *   int8 before, vectors are those of `openEmbedder` up to rounding; of others as near as int8 weights are
 * @throws SelvedgeError `embedding/no-features`, `export/…`
 * @example
 * ```ts
 * import { readFile } from 'node:fs/promises';
 * import { edgeKernelsDigest, exportEmbedder, loadShippedModel, startBackend } from 'selvedge';
 * const wasm = await readFile(new URL(import.meta.resolve('selvedge/build/edge.wasm')));
 * const engine = await startBackend({ threads: 1 });
 * const { model } = await loadShippedModel();
 * const classNames = Array.from({ length: 10 }, (_, label) => `class ${label}`);
 * const file = await exportEmbedder(model, { classNames, kernels: edgeKernelsDigest(await WebAssembly.compile(wasm)) });
 * console.assert(file.length < 300_000);
 * model.dispose();
 * await engine.stop();
 * ```
 */
export async function exportEmbedder(
  model: tf.LayersModel,
  { classNames, settings = {}, kernels }: ExportEmbedderOptions,
): Promise<Uint8Array> {
  const hidden = hiddenLayers(model);
  const widths = hidden.map(({ shape: [, width] }) => width!);
  const digest = await weightsDigest(model);
  const { logits, dispose } = logitsOf(model);
  try {
    const output = tf.layers.concatenate().apply([...hidden, logits]) as tf.SymbolicTensor;
    return await exportModel(tf.model({ inputs: model.inputs, outputs: output }), {
      name: model.name,
      labels: [...widths.flatMap((width) => Array.from({ length: width }, (_, i) => `feature ${i}`)), ...classNames],
      ending: 'linear',
      settings: { ...settings, embedding: { digest, hidden: widths } },
      kernels,
    });
  } finally {
    dispose();
  }
}

/** What the softmax at the end takes: plans have a softmax at their ends alone, and vectors need what is before and after it. */
function logitsOf(model: tf.LayersModel): { logits: tf.SymbolicTensor; dispose: () => void } {
  const last = lastDenseOf(model);
  const output = model.outputs[0]!;
  if (endingOf(output) !== 'softmax') {
    throw new SelvedgeError(
      'export/unsupported',
      `Cannot export an embedder of model "${model.name}": expected a softmax at its end, got layer "${output.sourceLayer.name}"`,
    );
  }
  if (!last) return { logits: output.inputs[0]!, dispose: () => {} };
  const { network, dispose } = replaceLastDense(model, last);
  return { logits: network.outputs[1]!, dispose };
}
