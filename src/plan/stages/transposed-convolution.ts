// Transposed convolutions of any filter, stride and padding: the kernels of a convolution from the output to the input, forward by the
// gradient of its input, backward by the convolution itself. Invariant: the output has all its pixels, see fuse.ts.
import { type Conv2DInfo, padWords, tapWalk } from '../../backend/kernels/conv-2d-geometry.ts';
import type { StageLayout } from '../context.ts';
import type { Group } from '../fuse.ts';
import type { Call } from '../program.ts';
import type { Convolution } from '../read-model.ts';
import { planInputGradient, planProducts } from './convolution.ts';
import { layoutFilter } from './convolution-filter.ts';
import { windowInfo } from './window-info.ts';
import { layoutWindowSums, SUMS_SCRATCH_BYTES } from './window-sums.ts';

/** Lays out a transposed convolution. */
export function layoutTransposedConvolution(group: Group, head: Convolution): StageLayout {
  return (context) => {
    const input = group.inputs[0]!;
    const whole = infoOf(group, head, context.capacity);
    const walk = tapWalk(whole);
    const x = context.buffersOf(input).value;
    const needsGradient = context.needsGradient(input);
    const isTrained = context.isTraining && (needsGradient || context.weight(head.kernel).gradient !== undefined);
    const sums = layoutWindowSums(context, group, head.bias);
    const padded = walk.needsPadding && isTrained ? context.memory.reserve(walk.paddedBytes) : sums.gradient;
    const padArgs = padded === sums.gradient ? 0 : context.args(padWords(whole, walk, sums.gradient, padded));
    const filter = layoutFilter(context, head.kernel, { info: whole, walk, x: padded, dy: x, needsGradient: true });
    const pad = ({ first, last }: { first: number; last: number }): Call[] =>
      padArgs === 0
        ? []
        : [{ kernel: 'padImages', args: padArgs, start: first * walk.height, end: last * walk.height }];
    return (batch, gradients) => {
      const info = { ...whole, batchSize: batch };
      const products = planInputGradient(context, info, walk, { filter, dy: x, dx: sums.value });
      const target = needsGradient ? gradients.target(input) : undefined;
      const inputGradient =
        target && planProducts(context, info, walk, { x: padded, panels: filter.panels, out: target.at });
      const made = filter.compile(batch);
      return {
        forward: sums.forward((range) => products.calls(range)),
        backward: sums.backward((range) => [
          ...pad(range),
          ...made.gradient(range),
          ...(inputGradient?.calls(range) ?? []),
          ...(target?.after(range) ?? []),
        ]),
        updates: [[...made.updates, ...sums.updates(batch)]],
        derivations: filter.derivations,
        scratchBytes: Math.max(
          SUMS_SCRATCH_BYTES,
          products.scratchBytes,
          inputGradient?.scratchBytes ?? 0,
          made.scratchBytes,
        ),
      };
    };
  };
}

/** Sizes of the convolution that is transposed: its images are the sums, its outputs the input. */
function infoOf(group: Group, head: Convolution, batchSize: number): Conv2DInfo {
  const input = group.inputs[0]!;
  const [height, width] = group.sumsShape;
  const image = { id: -1, shape: group.sumsShape, used: [height, width] as const, readers: 1 };
  return windowInfo(
    { ...group, inputs: [image], sumsShape: input.shape, sumsUsed: [input.shape[0], input.shape[1]] },
    head,
    batchSize,
  );
}
