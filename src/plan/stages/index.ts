// Which stage runs a group.
import type { StageLayout } from '../context.ts';
import type { Group } from '../fuse.ts';
import type { Unsupported } from '../graph.ts';
import { layoutAdd } from './add.ts';
import { layoutBatchNorm } from './batch-norm.ts';
import { layoutDense } from './dense.ts';
import { layoutFinishOnly } from './finish-only.ts';
import { layoutFlatten } from './flatten.ts';
import { isSingleChannelPooled, layoutSingleChannel } from './single-channel.ts';
import { layoutWinograd, planTileSize } from './winograd.ts';

/** The stage of a group, or why there is none. */
export function layoutOf(group: Group): StageLayout | Unsupported {
  const { head } = group;
  switch (head?.kind) {
    case undefined:
      return layoutFinishOnly(group);
    case 'flatten':
      return layoutFlatten(group);
    case 'add':
      return layoutAdd(group);
    case 'batchNormalization':
      return layoutBatchNorm(group, head);
    case 'dense':
      return layoutDense(group, head);
    case 'convolution': {
      if (isSingleChannelPooled(group)) return layoutSingleChannel(group);
      const tile = planTileSize(head, group);
      if (tile > 0) return layoutWinograd(group, head, tile);
      return { reason: 'a convolution is not planned yet' };
    }
    default:
      return { reason: `${head!.kind} is not planned yet` };
  }
}
