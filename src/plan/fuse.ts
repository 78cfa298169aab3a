// Groups operations that run as one: sums (of a convolution or a dense layer, or none), activation, max pooling, dropout; and finds
// which part of each value is used, so that no more is computed.
// Not here: kernels. Invariant: a group computes the same values as its operations one by one, up to rounding.
import { activationCodes } from '../backend/kernels/output-activation.ts';
import type { Activation, Graph, ImageShape, Operation } from './graph.ts';

export interface Pooling {
  readonly size: readonly [number, number];
  readonly strides: readonly [number, number];
}

/** What happens to sums before they are stored. */
export interface FinishSettings {
  readonly activation: Activation;
  readonly pooling: Pooling;
  readonly dropout: { readonly rate: number; readonly layerNumber: number } | undefined;
}

/** An image or vector that a group makes or reads. */
export interface Value {
  readonly id: number;
  /** As the model says. */
  readonly shape: ImageShape;
  /** Height and width that are used, from the upper left: no more is stored. */
  readonly used: readonly [number, number];
  /** Groups that read it. */
  readonly readers: number;
}

/** Vectors of an image's own, with a number for each channel. */
export interface Modulation<T> {
  readonly factors?: T;
  /** After the factors. */
  readonly shifts?: T;
}

/** Operations that make sums or stand alone. */
export type Head = Exclude<Operation, { kind: 'activation' | 'dropout' }>;

export interface Group {
  /** Undefined: `finish` works on the input itself. */
  readonly head: Head | undefined;
  /** Normalisation takes the first; values that are added to what it makes, or that modulate it, follow. */
  readonly inputs: readonly Value[];
  /** Vectors that scale and shift the channels of a group normalisation, before its activation. */
  readonly modulation?: Modulation<Value>;
  /** Shape of the sums as the model says; what is used of them follows from `finish` and the output. */
  readonly sumsShape: ImageShape;
  readonly sumsUsed: readonly [number, number];
  readonly finish: FinishSettings;
  readonly output: Value;
  /** Input whose gradient may lie where that of the output lies: nobody who reads it comes later, and both have the same pixels. */
  readonly gradientTwin: Value | undefined;
}

/** Winners are numbered in a byte, 255 for none. */
const MAX_WINDOW = 255;
const NO_POOLING: Pooling = { size: [1, 1], strides: [1, 1] };
const NO_FINISH: FinishSettings = {
  activation: { code: activationCodes.linear, alpha: 0 },
  pooling: NO_POOLING,
  dropout: undefined,
};
/** Heads whose sums `finish` may take. */
const FINISHED: readonly string[] = [
  'add',
  'averagePooling',
  'batchNormalization',
  'convolution',
  'dense',
  'depthwise',
  'globalAveragePooling',
  'maxPooling',
  'transposedConvolution',
];
/** Heads that apply any activation, and nothing else, to what they make. */
const ACTIVATED: readonly string[] = ['groupNormalization', 'layerNormalization'];
/** Heads that make all that the model says, and need all of their inputs. */
const WHOLE: readonly string[] = [
  ...ACTIVATED,
  'embedding',
  'multiply',
  'reshape',
  'shift',
  'smoothActivation',
  'transposedConvolution',
  'upSampling',
];
/** Heads whose output is the memory of their input, read in another shape. */
export const SAME_MEMORY: readonly string[] = ['flatten', 'reshape'];

interface Draft {
  head: Head | undefined;
  inputs: readonly number[];
  sumsShape: ImageShape;
  finish: FinishSettings;
  output: number;
  modulation?: Modulation<number>;
}

/** A graph in groups, in order of computation. */
export interface FusedGraph {
  readonly groups: readonly Group[];
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
}

/** Groups the operations of a graph. */
export function fuse(graph: Graph): FusedGraph {
  const readers = countReaders(graph);
  const drafts: Draft[] = [];
  const byOutput = new Map<number, Draft>();
  for (const operation of graph.operations) {
    const { inputs, output } = operation;
    if (operation.kind === 'add' && addToNormalised(operation, drafts, readers, byOutput)) continue;
    if (modulateNormalised(operation, drafts, readers, byOutput)) continue;
    if (activateNormalised(operation, readers, byOutput)) continue;
    if (!isFinish(operation)) {
      const draft = { head: operation, inputs, sumsShape: operation.shape, finish: NO_FINISH, output };
      drafts.push(draft);
      byOutput.set(output, draft);
      continue;
    }
    const before = byOutput.get(inputs[0]!);
    const finish =
      before && readers.get(inputs[0]!) === 1 && isFinishable(before, operation)
        ? extend(before.finish, operation)
        : undefined;
    if (before && finish) {
      before.finish = finish;
      before.output = output;
      byOutput.set(output, before);
      continue;
    }
    const sumsShape = graph.shapes.get(inputs[0]!)!;
    const draft = { head: undefined, inputs, sumsShape, finish: extend(NO_FINISH, operation)!, output };
    drafts.push(draft);
    byOutput.set(output, draft);
  }
  return close(graph, drafts);
}

/** Lets the last batch normalisation that a sum alone reads make the sum, in its place; whether there is one. */
function addToNormalised(
  { inputs, output }: Operation,
  drafts: Draft[],
  readers: ReadonlyMap<number, number>,
  byOutput: Map<number, Draft>,
): boolean {
  const isFree = (draft: Draft): boolean =>
    draft.head?.kind === 'batchNormalization' &&
    draft.inputs.length === 1 &&
    draft.finish === NO_FINISH &&
    inputs.includes(draft.output) &&
    readers.get(draft.output) === 1;
  const at = drafts.findLastIndex(isFree);
  const draft = drafts[at];
  if (!draft) return false;
  draft.inputs = [...draft.inputs, ...inputs.filter((input) => input !== draft.output)];
  moveTo(output, draft, drafts, byOutput);
  return true;
}

/** Lets a draft come last, behind all that it reads, and make another output. */
function moveTo(output: number, draft: Draft, drafts: Draft[], byOutput: Map<number, Draft>): void {
  drafts.splice(drafts.indexOf(draft), 1);
  draft.output = output;
  drafts.push(draft);
  byOutput.set(output, draft);
}

/** Lets a group normalisation whose output nobody else reads scale or shift what it makes by a vector; whether there is one. */
function modulateNormalised(
  operation: Operation,
  drafts: Draft[],
  readers: ReadonlyMap<number, number>,
  byOutput: Map<number, Draft>,
): boolean {
  if (operation.kind !== 'multiply' && operation.kind !== 'shift') return false;
  const { inputs, output } = operation;
  const vector = operation.kind === 'multiply' ? operation.factors : operation.vector;
  const before = byOutput.get(inputs[1 - vector]!);
  if (before?.head?.kind !== 'groupNormalization' || before.finish !== NO_FINISH) return false;
  // Factors come first.
  if (before.modulation?.shifts !== undefined || (operation.kind === 'multiply' && before.modulation)) return false;
  if (readers.get(before.output) !== 1) return false;
  const made = operation.kind === 'multiply' ? { factors: inputs[vector]! } : { shifts: inputs[vector]! };
  before.modulation = { ...before.modulation, ...made };
  before.inputs = [...before.inputs, inputs[vector]!];
  moveTo(output, before, drafts, byOutput);
  return true;
}

/** Lets a normalisation that an activation alone reads apply it; whether there is one. */
function activateNormalised(
  operation: Operation,
  readers: ReadonlyMap<number, number>,
  byOutput: Map<number, Draft>,
): boolean {
  if (operation.kind !== 'activation' && operation.kind !== 'smoothActivation') return false;
  const before = byOutput.get(operation.inputs[0]!);
  if (!before || !ACTIVATED.includes(before.head?.kind ?? '') || before.finish !== NO_FINISH) return false;
  if (readers.get(before.output) !== 1) return false;
  before.finish = { ...NO_FINISH, activation: { code: operation.code, alpha: operation.alpha } };
  before.output = operation.output;
  byOutput.set(operation.output, before);
  return true;
}

type Finisher = Extract<Operation, { kind: 'activation' | 'maxPooling' | 'dropout' }>;

const isFinish = (operation: Operation): operation is Finisher =>
  operation.kind === 'activation' ||
  operation.kind === 'dropout' ||
  (operation.kind === 'maxPooling' && isInside(operation));

/** Windows of a pooling that lie inside the image, whatever its size, and whose pixels a byte can number. */
const isInside = ({ padding, size }: Extract<Operation, { kind: 'maxPooling' }>): boolean =>
  padding === 'valid' && size[0] * size[1] <= MAX_WINDOW;

/** A transposed convolution makes all of its image, of which a pooling may leave the border. */
const isFinishable = ({ head }: Draft, { kind }: Finisher): boolean =>
  head === undefined ||
  (FINISHED.includes(head.kind) && !(kind === 'maxPooling' && head.kind === 'transposedConvolution'));

/** Adds an operation to what is done to sums, or undefined where the order does not allow it. */
function extend(finish: FinishSettings, operation: Finisher): FinishSettings | undefined {
  if (finish.dropout) return undefined;
  switch (operation.kind) {
    case 'activation': {
      // Activations are monotone: before or after the maximum of a window is the same.
      if (finish.activation.code !== activationCodes.linear) return undefined;
      return { ...finish, activation: { code: operation.code, alpha: operation.alpha } };
    }
    case 'maxPooling':
      if (finish.pooling !== NO_POOLING) return undefined;
      return { ...finish, pooling: { size: operation.size, strides: operation.strides } };
    case 'dropout':
      return { ...finish, dropout: { rate: operation.rate, layerNumber: operation.layerNumber } };
  }
}

function countReaders(graph: Graph): Map<number, number> {
  const readers = new Map<number, number>();
  for (const { inputs } of graph.operations) {
    for (const input of inputs) readers.set(input, (readers.get(input) ?? 0) + 1);
  }
  for (const output of graph.outputs) readers.set(output, (readers.get(output) ?? 0) + 1);
  return readers;
}

/** Finds from the last group to the first what is used, and makes the groups final. */
function close(graph: Graph, drafts: readonly Draft[]): FusedGraph {
  const used = new Map<number, [number, number]>();
  const readers = new Map<number, number>();
  const sumsUsed = new Map<Draft, [number, number]>();
  const use = (id: number, height: number, width: number): void => {
    const [h, w] = used.get(id) ?? [0, 0];
    const [maxHeight, maxWidth] = graph.shapes.get(id)!;
    used.set(id, [Math.min(maxHeight, Math.max(h, height)), Math.min(maxWidth, Math.max(w, width))]);
    readers.set(id, (readers.get(id) ?? 0) + 1);
  };
  /** Outputs are asked for whole, and batches come whole. */
  const useWhole = (id: number): void => use(id, ...(graph.shapes.get(id)!.slice(0, 2) as [number, number]));
  for (const output of graph.outputs) useWhole(output);
  for (const draft of drafts.toReversed()) {
    const isWhole = WHOLE.includes(draft.head?.kind ?? '');
    const [height, width] =
      (isWhole ? undefined : used.get(draft.output)) ??
      (graph.shapes.get(draft.output)!.slice(0, 2) as [number, number]);
    used.set(draft.output, [height, width]);
    const { size, strides } = draft.finish.pooling;
    const sums: [number, number] = [(height - 1) * strides[0] + size[0], (width - 1) * strides[1] + size[1]];
    sumsUsed.set(draft, sums);
    draft.inputs.forEach((input, i) => {
      const isAdded = i > 0 && draft.head?.kind === 'batchNormalization';
      const [h, w] = isAdded ? sums : reach(draft, sums, graph.shapes.get(input)!);
      use(input, h, w);
    });
  }
  for (const input of graph.inputs) useWhole(input);
  const values = new Map<number, Value>();
  const valueWith = (id: number): Value => {
    const known = values.get(id);
    if (known) return known;
    const shape = graph.shapes.get(id)!;
    const value = { id, shape, used: used.get(id) ?? [shape[0], shape[1]], readers: readers.get(id) ?? 0 } as const;
    values.set(id, value);
    return value;
  };
  const groups = drafts.map((draft): Group => {
    const output = valueWith(draft.output);
    const twin = gradientTwin(drafts, draft, [...graph.inputs, ...graph.outputs], (id) =>
      samePixels(valueWith(id), output),
    );
    return {
      head: draft.head,
      inputs: draft.inputs.map(valueWith),
      modulation: modulationOf(draft, valueWith),
      sumsShape: draft.sumsShape,
      sumsUsed: sumsUsed.get(draft)!,
      finish: draft.finish,
      output,
      gradientTwin: twin === undefined ? undefined : valueWith(twin),
    };
  });
  return { groups, inputs: graph.inputs.map(valueWith), outputs: graph.outputs.map(valueWith) };
}

function modulationOf({ modulation = {} }: Draft, valueWith: (id: number) => Value): Modulation<Value> {
  const { factors, shifts } = modulation;
  return {
    ...(factors !== undefined && { factors: valueWith(factors) }),
    ...(shifts !== undefined && { shifts: valueWith(shifts) }),
  };
}

const samePixels = (a: Value, b: Value): boolean =>
  a.used[0] === b.used[0] && a.used[1] === b.used[1] && a.shape[2] === b.shape[2];

/** See `Group.gradientTwin`: of batch normalisation and sums, whose gradient reaches inputs pixel by pixel. */
function gradientTwin(
  drafts: readonly Draft[],
  draft: Draft,
  ends: readonly number[],
  isAlike: (input: number) => boolean,
): number | undefined {
  const { head, inputs, finish } = draft;
  const isSum = head?.kind === 'add';
  if (!isSum && head?.kind !== 'batchNormalization') return undefined;
  // Elsewhere the gradient of the sums has a place of its own, between those of output and input: see stages/sums.ts.
  const isOnePass = finish.pooling === NO_POOLING && !finish.dropout && (isSum || isAlike(inputs[0]!));
  if (!isOnePass) return undefined;
  // What is added gets the gradient as it is, which batch normalisation must not write over.
  const candidates = isSum || inputs.length === 1 ? inputs : inputs.slice(1);
  return candidates.find((input) => {
    if (ends.includes(input) || !isAlike(input) || inputs.indexOf(input) !== inputs.lastIndexOf(input)) return false;
    if (drafts.findLast((reader) => reader.inputs.includes(input)) !== draft) return false;
    // A vector is the image it was made of, which others may read.
    return !drafts.some(
      (one) => SAME_MEMORY.includes(one.head?.kind ?? '') && (one.output === input || one.inputs.includes(input)),
    );
  });
}

/** Height and width of an input that a head reads for sums of a height and width. */
function reach({ head }: Draft, [height, width]: [number, number], input: ImageShape): [number, number] {
  switch (head?.kind) {
    case undefined:
    case 'add':
    case 'concatenate':
    case 'multiply':
    case 'shift':
      return [height, width];
    case 'convolution':
    case 'depthwise': {
      const [top, left] = paddingBefore(head, input);
      const size = head.size.map((extent, i) => (extent - 1) * head.dilations[i]! + 1);
      return [(height - 1) * head.strides[0] + size[0]! - top, (width - 1) * head.strides[1] + size[1]! - left];
    }
    case 'zeroPadding':
      return [Math.max(1, height - head.top), Math.max(1, width - head.left)];
    default:
      // Batch statistics and averages need all of it.
      return [input[0], input[1]];
  }
}

/** Rows above and columns left of an image that a window of 'same' padding starts in. */
export function paddingBefore(
  window: {
    readonly size: readonly [number, number];
    readonly strides: readonly [number, number];
    readonly dilations?: readonly [number, number];
    readonly padding: 'valid' | 'same';
  },
  input: ImageShape,
): [number, number] {
  if (window.padding === 'valid') return [0, 0];
  return [0, 1].map((axis) => {
    const stride = window.strides[axis]!;
    const extent = (window.size[axis]! - 1) * (window.dilations?.[axis] ?? 1) + 1;
    const outputs = Math.ceil(input[axis]! / stride);
    return Math.floor(Math.max(0, (outputs - 1) * stride + extent - input[axis]!) / 2);
  }) as [number, number];
}
