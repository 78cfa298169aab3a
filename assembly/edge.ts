// The kernels that an exported model calls, and no others: the whole WebAssembly of an edge deployment. From the same sources as those of
// the engine, so that the same calls leave the same bits. What plans that only infer call is listed by src/plan/stages/.

export { conv2d, conv2dSingleChannel, padImages } from './conv-2d';
export { depthwiseConv2d } from './depthwise-conv-2d';
export { maxPool } from './max-pool';
export { planFinish, planProduct } from './plan/dense';
export { planSingleChannel } from './plan/single-channel';
export { planPackRows, planWinogradTransform } from './plan/weights';
export { planWinogradFinish, planWinogradInput, planWinogradProduct } from './plan/winograd';
export { batchNormApply } from './batch-norm';
export { planMovingAverages, planScaleColumns, planSoftmax } from './plan/inference';
export { planSum } from './plan/add';
export { planAveragePool } from './plan/pooling';
export { planCopyRuns } from './plan/copy-runs';
