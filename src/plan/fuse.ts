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

/** Operations that make sums or stand alone. */
export type Head = Exclude<Operation, { kind: 'activation' | 'dropout' }>;

export interface Group {
  /** Undefined: `finish` works on the input itself. */
  readonly head: Head | undefined;
  /** Batch normalisation takes the first; values that are added to what it makes follow. */
  readonly inputs: readonly Value[];
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
];

interface Draft {
  head: Head | undefined;
  inputs: readonly number[];
  sumsShape: ImageShape;
  finish: FinishSettings;
  output: number;
}

/** Groups in order of computation, and the value of the logits. */
export function fuse(graph: Graph): { groups: Group[]; input: Value; logits: Value } {
  const readers = countReaders(graph);
  const drafts: Draft[] = [];
  const byOutput = new Map<number, Draft>();
  for (const operation of graph.operations) {
    const { inputs, output } = operation;
    if (operation.kind === 'add' && addToNormalised(operation, drafts, readers, byOutput)) continue;
    if (!isFinish(operation)) {
      const draft = { head: operation, inputs, sumsShape: operation.shape, finish: NO_FINISH, output };
      drafts.push(draft);
      byOutput.set(output, draft);
      continue;
    }
    const before = byOutput.get(inputs[0]!);
    const finish =
      before && readers.get(inputs[0]!) === 1 && isFinishable(before) ? extend(before.finish, operation) : undefined;
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
  return close(graph, drafts, graph.logits);
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
  drafts.splice(at, 1);
  draft.inputs = [...draft.inputs, ...inputs.filter((input) => input !== draft.output)];
  draft.output = output;
  drafts.push(draft);
  byOutput.set(output, draft);
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

const isFinishable = ({ head }: Draft): boolean => head === undefined || FINISHED.includes(head.kind);

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
  readers.set(graph.logits, (readers.get(graph.logits) ?? 0) + 1);
  return readers;
}

/** Finds from the last group to the first what is used, and makes the groups final. */
function close(graph: Graph, drafts: readonly Draft[], logits: number) {
  const used = new Map<number, [number, number]>([[logits, [1, 1]]]);
  const readers = new Map<number, number>([[logits, 1]]);
  const sumsUsed = new Map<Draft, [number, number]>();
  const use = (id: number, height: number, width: number): void => {
    const [h, w] = used.get(id) ?? [0, 0];
    const [maxHeight, maxWidth] = graph.shapes.get(id)!;
    used.set(id, [Math.min(maxHeight, Math.max(h, height)), Math.min(maxWidth, Math.max(w, width))]);
    readers.set(id, (readers.get(id) ?? 0) + 1);
  };
  for (const draft of drafts.toReversed()) {
    const isWhole = draft.head?.kind === 'multiply';
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
  // Batches come whole.
  use(graph.input, graph.inputShape[0], graph.inputShape[1]);
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
    const twin = gradientTwin(drafts, draft, graph.input, (id) => samePixels(valueWith(id), output));
    return {
      head: draft.head,
      inputs: draft.inputs.map(valueWith),
      sumsShape: draft.sumsShape,
      sumsUsed: sumsUsed.get(draft)!,
      finish: draft.finish,
      output,
      gradientTwin: twin === undefined ? undefined : valueWith(twin),
    };
  });
  return { groups, input: valueWith(graph.input), logits: valueWith(logits) };
}

const samePixels = (a: Value, b: Value): boolean =>
  a.used[0] === b.used[0] && a.used[1] === b.used[1] && a.shape[2] === b.shape[2];

/** See `Group.gradientTwin`: of batch normalisation and sums, whose gradient reaches inputs pixel by pixel. */
function gradientTwin(
  drafts: readonly Draft[],
  draft: Draft,
  graphInput: number,
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
    if (input === graphInput || !isAlike(input) || inputs.indexOf(input) !== inputs.lastIndexOf(input)) return false;
    if (drafts.findLast((reader) => reader.inputs.includes(input)) !== draft) return false;
    // A vector is the image it was made of, which others may read.
    return !drafts.some((one) => one.head?.kind === 'flatten' && (one.output === input || one.inputs.includes(input)));
  });
}

/** Height and width of an input that a head reads for sums of a height and width. */
function reach({ head }: Draft, [height, width]: [number, number], input: ImageShape): [number, number] {
  switch (head?.kind) {
    case undefined:
    case 'add':
    case 'concatenate':
    case 'multiply':
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
