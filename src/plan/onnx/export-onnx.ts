// A trained model as an ONNX file, for runtimes of ONNX. It holds the layers as they were trained, batch norm too, so that it can be read
// back and trained on. Not here: the nodes (nodes.ts), writing the file to a disk.
// Invariant: the bytes are a function of the model and its description.
import type * as tf from '../../backend/tfjs.ts';
import { SelvedgeError } from '../../core/errors.ts';
import { version } from '../../core/version.ts';
import { weightsDigest } from '../../models/index.ts';
import { dataTypes, encodeMessage, type OnnxTensor, type OnnxValueInfo } from '../../models/onnx/index.ts';
import { readModel, type TensorShape } from '../read-model.ts';
import { INPUT_NAME, nodesOf, OUTPUT_NAME } from './nodes.ts';

/** Version of the operators that the file uses. */
export const ONNX_OPSET = 17;
/** Of ONNX 1.12, the first with that opset. */
const IR_VERSION = 8;

export interface OnnxExportOptions {
  readonly name: string;
  /** Names of the classes. */
  readonly labels: readonly string[];
  /** What the model was trained with. */
  readonly settings?: Readonly<Record<string, unknown>>;
}

/**
 * Makes an ONNX file of opset 17: input `images`, float32 `[batch, channels, height, width]` of levels / 255, as PyTorch's exporter has it;
 * output `probabilities` `[batch, classes]`; any batch. Class names and settings are in its metadata, as JSON.
 *
 * @param model One input of images of a known size, one output that ends in a softmax; it stays the caller's
 * @returns The bytes of the file
 * @throws SelvedgeError `export/unsupported` for a layer that is not read, `export/labels` for other than a label a class, `export/weights`
 * for weights that are no finite numbers, `onnx/protobufjs` where that package is absent
 * @example
 * ```ts
 * import { buildModel, exportOnnx, initializeWeights, startBackend } from 'selvedge';
 * const engine = await startBackend({ threads: 1 });
 * const model = buildModel('dropout', { inputShape: [28, 28, 1], classes: 10 });
 * initializeWeights(model, 1);
 * const labels = Array.from({ length: 10 }, (_, label) => `class ${label}`);
 * const file = await exportOnnx(model, { name: 'dropout', labels });
 * console.assert(file.length > 4 * 241_546);
 * await engine.stop();
 * ```
 */
export async function exportOnnx(model: tf.LayersModel, options: OnnxExportOptions): Promise<Uint8Array> {
  const { name, labels, settings = {} } = options;
  const graph = readModel(model);
  const made = 'reason' in graph ? graph : nodesOf(graph);
  if ('reason' in made) throw unsupported(name, made.reason);
  const [input] = model.inputs as [tf.SymbolicTensor];
  const [, ...extents] = input.shape;
  if (extents.some((extent) => extent === null) || ![1, 3].includes(extents.length)) {
    throw unsupported(name, `its input has shape [${input.shape.join(', ')}]`);
  }
  const classes = model.outputs[0]!.shape[1]!;
  if (labels.length !== classes) {
    throw new SelvedgeError(
      'export/labels',
      `Cannot export model "${name}": expected ${classes} labels, got ${labels.length}`,
    );
  }
  made.initializers.forEach(requireFinite);
  const metadata = { classNames: labels, settings, fingerprint: await weightsDigest(model) };
  return encodeMessage('Model', {
    irVersion: IR_VERSION,
    producerName: 'selvedge',
    producerVersion: version,
    opsetImport: [{ domain: '', version: ONNX_OPSET }],
    metadataProps: Object.entries(metadata).map(([key, value]) => ({ key, value: JSON.stringify(value) })),
    graph: {
      name,
      node: made.nodes,
      initializer: made.initializers,
      input: [valueInfoOf(INPUT_NAME, channelsFirst(extents))],
      output: [valueInfoOf(OUTPUT_NAME, [classes])],
      docString: `Levels of pixels / 255, channels first, to probabilities of ${classes} classes`,
    },
  });
}

const channelsFirst = (extents: TensorShape): TensorShape =>
  extents.length === 3 ? [extents[2]!, extents[0]!, extents[1]!] : extents;

/** A value of any batch. */
function valueInfoOf(name: string, extents: TensorShape): OnnxValueInfo {
  const dim = [{ dimParam: 'batch' }, ...extents.map((dimValue) => ({ dimValue: dimValue! }))];
  return { name, type: { tensorType: { elemType: dataTypes.FLOAT, shape: { dim } } } };
}

function requireFinite({ name, dataType, rawData }: OnnxTensor): void {
  if (dataType !== dataTypes.FLOAT) return;
  const view = new DataView(rawData!.buffer);
  for (let at = 0; at < rawData!.length; at += 4) {
    const value = view.getFloat32(at, true);
    if (Number.isFinite(value)) continue;
    throw new SelvedgeError(
      'export/weights',
      `Cannot export weight "${name}": expected finite numbers, got ${value}; train the model anew`,
    );
  }
}

const unsupported = (name: string, reason: string): SelvedgeError =>
  new SelvedgeError(
    'export/unsupported',
    `Cannot export model "${name}" as ONNX: expected one whose layers are all known, but ${reason}`,
  );
