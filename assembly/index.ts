// All kernels in one module, so that a worker instantiates once. One file a kernel family.

export * from './confusion-matrix';
export * from './spin';
export * from './adam';
export * from './sgd';
export * from './average-weights';
export * from './dropout';
export * from './softmax-cross-entropy';
export { weightedCrossEntropy } from './weighted-cross-entropy';
export * from './avg-pool';
export * from './max-pool';
export * from './max-pool-grad';
export { avgPoolGrad } from './avg-pool-grad';
export { packPanels } from './gemm';
export { conv2d, conv2dSingleChannel, padImages } from './conv-2d';
export { conv2dBackpropInput } from './conv-2d-backprop-input';
export { conv2dBackpropFilter, conv2dBackpropFilterOfMaxPool, sumPartials } from './conv-2d-backprop-filter';
export { matMulColumns, matMulInt32, matMulRows } from './batch-mat-mul';
export { rowTimesMatrix } from './row-times-matrix';
export { biasActivationGrad } from './bias-activation-grad';
export { conv3dBackpropFilter, conv3dBackpropInput, conv3dPackFilter } from './conv-3d-backprop';
export { decodeIdxImages, decodeIdxLabels } from './decode-idx';
export { gatherBatch } from './gather-batch';
export { augment } from './augment';
export { mixExamples } from './mix-examples';
export { modulatedNorm, modulatedNormGrad } from './modulated-norm';
export { clahe } from './clahe';
export { drawDefects } from './defects';
export { equalizeHistogram } from './equalize-histogram';
export { localBinaryPattern } from './local-binary-pattern';
export { orientedGradients } from './oriented-gradients';
export { standardizeImages } from './standardize';
export { clipByValue } from './clip-by-value';
export { clipFactor, scaleBy, sumSquares } from './clip-gradient';
export { depthwiseConv2d, depthwiseConv2dBackpropInput } from './depthwise-conv-2d';
export { depthwiseConv2dBackpropFilter } from './depthwise-conv-2d-backprop-filter';
export { dilation2d, dilation2dBackpropFilter, dilation2dBackpropInput } from './dilation-2d';
export { maxPool3dGrad } from './max-pool-3d-grad';
export { maxPoolWithArgmax } from './max-pool-with-argmax';
export { prelu } from './prelu';
export { unsortedSegmentSum } from './unsorted-segment-sum';
export {
  winogradConv2d,
  winogradConv2dBackpropFilter,
  winogradConv2dBackpropInput,
  winogradFilter,
  winogradFilterGradient,
  winogradTiles,
} from './winograd-conv-2d';
export { activation, activationGrad } from './activation';
export { elementwiseBinary } from './elementwise-binary';
export { elementwiseUnary } from './elementwise-unary';
export { fusedBatchNorm } from './fused-batch-norm';
export { gatherV2 } from './gather-v2';
export { reduceColumns, reduceRows } from './reduce';
export { tile } from './tile';
export { bincount } from './bincount';
export { cast } from './cast';
export { copyStrided } from './copy-strided';
export { fill } from './fill';
export { batchNormApply, batchNormCombine, batchNormMoments } from './batch-norm';
export { batchNormGrad, batchNormGradCombine, batchNormGradMoments } from './batch-norm-grad';
export { planBias, planBiasGradient } from './plan/bias';
export { planFinish, planProduct, planUnfinish } from './plan/dense';
export { planSingleChannel, planSingleChannelGradient } from './plan/single-channel';
export {
  planPackRows,
  planWinogradTransform,
  planWinogradWeightGradient,
} from './plan/weights';
export {
  planWinogradFetch,
  planWinogradFinish,
  planWinogradGradient,
  planWinogradGradientProduct,
  planWinogradInput,
  planWinogradInputGradient,
  planWinogradProduct,
} from './plan/winograd';
export { planCopy, planMovingAverages, planScaleColumns, planSoftmax } from './plan/inference';
export { planAddTo } from './plan/add-to';
export { planSpread, planSum } from './plan/add';
export { planAveragePool } from './plan/pooling';
export { planProductGradient } from './plan/product';
export { planCopyRuns } from './plan/copy-runs';
export { multiplyAddPeak, streamTriad } from './peak';
export { planTransposedProduct } from './plan/transposed-product';
export { outputLoss } from './output-loss';
export { smoothActivation, smoothActivationGrad } from './smooth-activation';
export { planGroupNorm, planGroupNormGradient } from './plan/group-norm';
export { planUpSampling, planUpSamplingGradient } from './plan/up-sampling';
export { planShift, planShiftGradient } from './plan/shift';
export { planEmbedding, planEmbeddingGradient } from './plan/embedding';
export { composeScenes } from './scenes';
