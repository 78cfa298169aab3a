// The data: sources, IDX files, splits, batches, augmentation, and images of any kind as the data set's own.

export type { GivenSplit } from './arrange-parts.ts';
export {
  type AugmentationSettings,
  type AugmentOptions,
  augmentationSchema,
  augmentBatch,
  checkAugmentation,
  defaultAugmentation,
} from './augmentation.ts';
export {
  type Batch,
  type ExampleOptions,
  type ExampleSource,
  type Examples,
  placeDataset,
  type ResidentDataset,
} from './batches.ts';
export { checkClassNames, readClassNames } from './class-names.ts';
export {
  CORRUPTION_STRENGTHS,
  type CorruptionName,
  type CorruptOptions,
  corruptImages,
  corruptionNames,
  corruptions,
} from './corruptions.ts';
export { dataKindOf, type OtherKind } from './data-kind.ts';
export { countLabels, type Dataset, type DatasetFiles, decodeDataset, type NamedFile, subsetOf } from './dataset.ts';
export { type DownloadOptions, type DownloadProgress, download } from './download.ts';
export {
  type DatasetFileNames,
  fashionMnistAddresses,
  fashionMnistClassNames,
  fashionMnistDebianFolder,
  fashionMnistFiles,
  type PinnedFile,
} from './fashion-mnist.ts';
export { firstEqualImages } from './first-equal-images.ts';
export type { PixelBox } from './ground.ts';
export { gunzip, gzip } from './gzip.ts';
export { decodeIdx, decodeIdxHeader, encodeIdx, type IdxArray, type IdxHeader, type IdxType } from './idx.ts';
export { decodeIdxToTensors, type TensorPair } from './idx-tensors.ts';
export { readImage } from './image.ts';
export { decodeImage } from './image-codecs.ts';
export {
  type CodecModule,
  createImageDecoder,
  type DecodeOptions,
  type ImageCodec,
  type ImageCodecs,
  type ImageDecoder,
  type RawImage,
} from './image-decoder.ts';
export { type MadeImageKind, type MakeOptions, madeImageKinds, makeImages } from './made-images.ts';
export {
  describeMixing,
  drawMix,
  type Mix,
  type MixingSettings,
  type MixKey,
  mixBatch,
  mixingRules,
} from './mixing.ts';
export {
  type DataChoices,
  type DataOrigin,
  loadOtherData,
  type OtherDataOptions,
} from './other-data.ts';
export { listPictureFolder } from './picture-folder.ts';
export { type PictureFormat, pictureFormatNames, pictureFormatOf } from './picture-format.ts';
export type { ListedPicture, Part, PictureList } from './picture-list.ts';
export { listPictureTable } from './picture-table.ts';
export {
  checkPreparation,
  type Preparation,
  type PreparedPicture,
  preparationOf,
  preparePicture,
  usualPreparation,
} from './preparation.ts';
export { type PreparedImage, prepareImage } from './prepare-image.ts';
export {
  type ClaheValues,
  checkPreprocessing,
  claheDefaults,
  equalizeTiles,
  type GradientValues,
  gradientDefaults,
  type ImageBytes,
  type InputStatistics,
  inputStatistics,
  keepsPictures,
  orientedGradients,
  type PreprocessingName,
  preprocessDataset,
  preprocessedShape,
  preprocessImages,
  preprocessingNames,
} from './preprocessing.ts';
export { type ReadPictures, type ReadPicturesOptions, readPictures, type UnreadPicture } from './read-pictures.ts';
export {
  type ResampleOptions,
  type ResamplingName,
  resampleClasses,
  resamplingCounts,
  resamplingNames,
} from './resample.ts';
export {
  type DataSource,
  type LoadedData,
  type LoadOptions,
  loadFashionMnist,
  loadFashionMnistSample,
  type Places,
  type SourceKind,
} from './sources.ts';
export { type Split, type SplitOptions, splitTrainValidation, testHalves } from './split.ts';
export { type ClassSplit, type ClassSplitOptions, splitByClass } from './split-classes.ts';
export { type BatchShape, batchShapeOf, checkSource, takeBatch } from './take-batch.ts';
export type { TargetBatch, TargetExamples } from './target-batch.ts';
export { createWebpCodec } from './webp-codec.ts';
