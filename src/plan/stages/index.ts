// Which stage runs a group.
import type { PlanContext, StageLayout } from '../context.ts';
import type { Group, Head } from '../fuse.ts';
import type { Unsupported } from '../read-model.ts';
import { layoutAdd } from './add.ts';
import { layoutBatchNorm } from './batch-norm.ts';
import { layoutConcatenation } from './concatenate.ts';
import { layoutConvolution } from './convolution.ts';
import { layoutDense } from './dense.ts';
import { layoutDepthwise } from './depthwise.ts';
import { layoutEmbedding } from './embedding.ts';
import { layoutFinishOnly } from './finish-only.ts';
import { layoutFlatten } from './flatten.ts';
import { layoutOwnNormalization } from './own-normalization.ts';
import { layoutGlobalAverage, layoutPooling } from './pooling.ts';
import { layoutProduct } from './product.ts';
import { layoutShift } from './shift.ts';
import { isSingleChannelPooled, layoutSingleChannel } from './single-channel.ts';
import { layoutSmoothActivation } from './smooth-activation.ts';
import { layoutTransposedConvolution } from './transposed-convolution.ts';
import { layoutUpSampling } from './up-sampling.ts';
import { layoutWinograd, planTileSize } from './winograd.ts';
import { layoutZeroPadding } from './zero-padding.ts';

/** The stage of a group, or why there is none. */
export function layoutOf(group: Group): StageLayout | Unsupported {
  const { head } = group;
  switch (head?.kind) {
    case undefined:
      return layoutFinishOnly(group);
    case 'flatten':
    case 'reshape':
      return layoutFlatten(group);
    case 'smoothActivation':
      return layoutSmoothActivation(group, head);
    case 'groupNormalization':
      return layoutOwnNormalization(group, head, head.groups);
    case 'layerNormalization':
      return layoutOwnNormalization(group, head, 0);
    case 'transposedConvolution':
      return layoutTransposedConvolution(group, head);
    case 'upSampling':
      return layoutUpSampling(group, head);
    case 'shift':
      return layoutShift(group, head.vector);
    case 'embedding':
      return layoutEmbedding(group, head.table);
    case 'add':
      return layoutAdd(group);
    case 'batchNormalization':
      return layoutBatchNorm(group, head);
    case 'dense':
      return layoutDense(group, head);
    case 'convolution':
      return (context) => convolutionStage(group, head, context)(context);
    case 'depthwise':
      return layoutDepthwise(group, head);
    case 'maxPooling':
    case 'averagePooling':
      return layoutPooling(group, head.kind, head);
    case 'globalAveragePooling':
      return layoutGlobalAverage(group);
    case 'concatenate':
      return layoutConcatenation(group);
    case 'multiply':
      return layoutProduct(group, head.factors);
    case 'zeroPadding':
      return layoutZeroPadding(group, head);
  }
}

/** The fastest stage that takes a convolution, and none by Winograd's algorithm on a backend for exact convolutions. */
function convolutionStage(
  group: Group,
  head: Extract<Head, { kind: 'convolution' }>,
  context: PlanContext,
): StageLayout {
  if (isSingleChannelPooled(group) && !context.needsGradient(group.inputs[0]!)) return layoutSingleChannel(group);
  const tile = context.memory.backend.exactConvolution ? 0 : planTileSize(head, group);
  return tile > 0 ? layoutWinograd(group, head, tile) : layoutConvolution(group, head);
}
