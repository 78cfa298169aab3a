// Grad-CAM: the feature maps of a late convolution, each weighed by the mean slope of the class's score by it, summed, and what is
// below zero cut off. Source: R. Selvaraju et al., "Grad-CAM", 2017, equations 1 and 2.
import { SelvedgeError } from '../core/errors.ts';
import type { DifferentiableModel, FeatureLayer } from './differentiable-model.ts';
import { type ExplainRequest, type MethodName, methodNames } from './explanation.ts';
import { type NumberMap, resizeMap } from './resize-map.ts';

/** The methods that can explain a model: all; but Grad-CAM needs a convolution. */
export const methodsFor = (model: DifferentiableModel): readonly MethodName[] =>
  methodNames.filter((method) => method !== 'grad-cam' || usualLayerOf(model) !== undefined);

const usualLayerOf = ({ featureLayers }: DifferentiableModel): FeatureLayer | undefined =>
  featureLayers.filter(({ height, width, isComputed }) => isComputed && height * width > 1).at(-1);

/**
 * The layer that Grad-CAM weighs unless it is told one: the last that computes features over more than one place.
 *
 * @throws SelvedgeError `explain/no-convolution`
 */
export function defaultFeatureLayer(model: DifferentiableModel): FeatureLayer {
  const found = usualLayerOf(model);
  if (found) return found;
  throw new SelvedgeError(
    'explain/no-convolution',
    `Cannot explain model "${model.name}" by grad-cam: expected a convolution whose output has more than one place, got none; ` +
      'saliency, smooth-grad, integrated-gradients and occlusion need none',
  );
}

/** Maps as small as the layer's output, one an image. */
export function classActivations(
  model: DifferentiableModel,
  { images, labels }: ExplainRequest,
  layer: string = defaultFeatureLayer(model).name,
): NumberMap[] {
  const { features, gradients, layer: found } = model.featureGradients(images, labels, layer);
  const { height, width, channels } = found;
  const places = height * width;
  return Array.from({ length: labels.length }, (_, image) => {
    const start = image * places * channels;
    const weights = new Float64Array(channels);
    for (let i = 0; i < places * channels; i++) weights[i % channels]! += gradients[start + i]! / places;
    const values = Float32Array.from({ length: places }, (_, place) => {
      let sum = 0;
      for (let channel = 0; channel < channels; channel++) {
        sum += weights[channel]! * features[start + place * channels + channel]!;
      }
      return Math.max(0, sum);
    });
    return { height, width, values };
  });
}

/** The same, as large as the image. */
export function gradCamMaps(model: DifferentiableModel, request: ExplainRequest, layer?: string): Float32Array[] {
  const [height, width] = model.shape;
  return classActivations(model, request, layer).map((map) => resizeMap(map, height, width));
}
