// The HTTP app and all that it takes on an edge runtime: no platform, no tfjs, no file. Not here: local.ts, which finds the files.
export {
  type CodecModule,
  createImageDecoder,
  type ImageCodec,
  type ImageCodecs,
  type ImageDecoder,
} from '../data/image-decoder.ts';
export type { PictureReader, ReadPicture } from '../data/picture-reader.ts';
export { createWebpCodec } from '../data/webp-codec.ts';
export type { Classifier, ModelDescription } from '../edge/index.ts';
export type { RequestErrorCode } from './answer-error.ts';
export { type AnyClassifier, type AppOptions, createApp } from './app.ts';
export type { DetectorService, FindRequest, PictureItem, PictureItems } from './detect-routes.ts';
export type { DesignOrder, DesignService, MadeDesigns } from './generate-routes.ts';
export type { InspectedImage, InspectionService } from './inspect-routes.ts';
export { createInspection } from './inspection.ts';
export type { OpenApiDocument } from './openapi.ts';
export type { RequestLimits } from './request-images.ts';
export type { ShopItem, ShopService } from './shop-routes.ts';
