// Constants of an ONNX graph as weights of layers: vectors a channel, and the bias that the node behind adds.
// Not here: kernels of convolutions (windows.ts) and of dense layers (vectors.ts). Invariant: a constant that does not spread over channels
// alone is none.
import type { NodeReader } from './node-reader.ts';
import type { Constant } from './values.ts';

/** Elements one a channel of an input, or one for all, in the order of the file. */
export function perChannel(
  { dims, values, isInteger }: Constant,
  channels: number,
  { rank, axis }: { readonly rank: number; readonly axis: number },
): Float32Array | undefined {
  if (isInteger || dims.length > rank) return undefined;
  if (values.length === 1) return new Float32Array(channels).fill(values[0]!);
  // Shapes are aligned at their ends.
  const at = axis - (rank - dims.length);
  if (dims[at] !== channels || values.length !== channels) return undefined;
  return Float32Array.from(values);
}

export interface Bias {
  readonly bias: Float32Array | undefined;
  /** Name of the value that the layer makes: that of the node which adds the bias, if another does. */
  readonly output: string;
}

/**
 * The bias of a layer: its own, or that which the only node behind adds, which is left out then.
 *
 * @param own The node's own; its shape is [channels], or one that spreads over it
 */
export function biasOf(node: NodeReader, channels: number, own?: Constant): Bias {
  const isImage = node.node.opType === 'Conv';
  const place = isImage ? { rank: 4, axis: 1 } : { rank: 2, axis: 1 };
  const output = node.node.output[0]!;
  if (own) {
    const bias = perChannel(own, channels, isImage ? { rank: 1, axis: 0 } : place);
    if (!bias) throw node.error(`a bias [${channels}]`, `[${own.dims.join(', ')}]`);
    return { bias, output };
  }
  const [add, ...others] = node.graph.consumersOf(output);
  if (!add || others.length > 0 || add.opType !== 'Add') return { bias: undefined, output };
  const value = node.graph.values.get(add.input.find((name) => name !== output) ?? '');
  const bias = value?.kind === 'constant' ? perChannel(value, channels, place) : undefined;
  if (!bias) return { bias: undefined, output };
  node.graph.absorb(add);
  return { bias, output: add.output[0]! };
}
