// An ONNX file opened: one graph from one input of floats to one output, of an opset that is known, and its constants.
// Not here: what nodes mean. Invariant: whatever the file has besides that is an error that says so.
import { SelvedgeError } from '../../core/errors.ts';
import { decodeMessage } from './codec.ts';
import {
  dataTypeNames,
  dataTypes,
  type OnnxGraph,
  type OnnxModel,
  type OnnxNode,
  type OnnxValueInfo,
} from './schema.ts';
import { type Constant, readTensor } from './values.ts';

/** Opsets whose operators are read: from the first with broadcasting by shape to that of ONNX 1.19. */
export const onnxOpsets = { first: 7, last: 24 } as const;

export interface OpenedOnnx {
  readonly name: string | undefined;
  readonly opset: number;
  readonly nodes: readonly OnnxNode[];
  readonly constants: ReadonlyMap<string, Constant>;
  /** Name and extents, the batch first; null where it is open. */
  readonly input: { readonly name: string; readonly extents: readonly (number | null)[] };
  readonly output: string;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/**
 * Opens a file.
 *
 * @throws SelvedgeError `onnx/format`, `onnx/opset`, `onnx/unsupported`, `onnx/external-data`, `onnx/weights`, `onnx/protobufjs`
 */
export async function openOnnx(bytes: Uint8Array): Promise<OpenedOnnx> {
  const model = await decodeMessage('Model', bytes);
  const { irVersion, graph } = model;
  if (!(irVersion! > 0) || !graph || graph.node.length === 0) {
    throw new SelvedgeError(
      'onnx/format',
      `Cannot read ${bytes.length} bytes as ONNX: expected a version and a graph with nodes, got none; it is no ONNX file`,
    );
  }
  const opset = opsetOf(model);
  requireOwnOperators(graph);
  if (graph.sparseInitializer?.length) throw unsupported('expected dense numbers, got sparse ones');
  const constants = new Map(
    graph.initializer.map((tensor) => [tensor.name ?? '', readTensor(tensor, `weight "${tensor.name ?? ''}"`)]),
  );
  // Before version 4 of the format, initialisers are inputs too.
  const inputs = graph.input.filter(({ name }) => !constants.has(name ?? ''));
  const [input] = inputs;
  const [output] = graph.output;
  if (inputs.length !== 1 || graph.output.length !== 1) {
    throw unsupported(`expected one input and one output, got ${names(inputs)} and ${names(graph.output)}`);
  }
  return {
    name: graph.name || undefined,
    opset,
    nodes: graph.node,
    constants,
    input: { name: input!.name ?? '', extents: extentsOf(input!) },
    output: output!.name ?? '',
    metadata: metadataOf(model),
  };
}

const names = (values: readonly OnnxValueInfo[]): string =>
  values.length === 0 ? 'none' : values.map(({ name }) => `"${name}"`).join(', ');

const isDefault = (domain: string | undefined): boolean => (domain ?? '') === '' || domain === 'ai.onnx';

function opsetOf({ opsetImport }: OnnxModel): number {
  const opset = opsetImport.find(({ domain }) => isDefault(domain))?.version ?? 0;
  const { first, last } = onnxOpsets;
  if (opset >= first && opset <= last) return opset;
  throw new SelvedgeError(
    'onnx/opset',
    `Cannot read the ONNX model: expected opset ${first} to ${last}, got ${opset}; export it with another opset`,
  );
}

function requireOwnOperators({ node }: OnnxGraph): void {
  const foreign = node.find(({ domain }) => !isDefault(domain));
  if (!foreign) return;
  throw unsupported(
    `node "${foreign.name || foreign.output[0]}" has operator ${foreign.opType} of domain "${foreign.domain}", expected those of ONNX itself`,
  );
}

function extentsOf({ name, type }: OnnxValueInfo): (number | null)[] {
  const { elemType = 0, shape } = type?.tensorType ?? {};
  if (elemType !== dataTypes.FLOAT) {
    const got = dataTypeNames[elemType] ?? `type ${elemType}`;
    throw unsupported(`expected input "${name}" of type FLOAT, got ${got}`);
  }
  const extents = (shape?.dim ?? []).map(({ dimValue }) => dimValue ?? null);
  const inner = extents.slice(1);
  if (![2, 4].includes(extents.length) || inner.some((extent) => !(extent! > 0))) {
    const got = (shape?.dim ?? []).map(({ dimValue, dimParam }) => dimValue ?? dimParam ?? '?').join(', ');
    throw unsupported(
      `expected input "${name}" of images of a known size, [batch, channels, height, width], got [${got}]`,
    );
  }
  return extents;
}

/** Values that are JSON, as our own export writes them; others are texts. */
function metadataOf({ metadataProps }: OnnxModel): Record<string, unknown> {
  const entries = metadataProps.map(({ key = '', value = '' }) => {
    try {
      return [key, JSON.parse(value) as unknown] as const;
    } catch {
      return [key, value] as const;
    }
  });
  return Object.fromEntries(entries);
}

const unsupported = (message: string): SelvedgeError =>
  new SelvedgeError('onnx/unsupported', `Cannot read the ONNX model: ${message}`);
