// The methods by name. Not here: how each makes its map. Invariant: the same images, weights and options give the same bits.
import { SelvedgeError } from '../core/errors.ts';
import type { DifferentiableModel } from './differentiable-model.ts';
import {
  type Completeness,
  type ExplainRequest,
  type Explanation,
  type MethodName,
  type MethodOptions,
  methodNames,
} from './explanation.ts';
import { defaultFeatureLayer, gradCamMaps } from './grad-cam.ts';
import { integratedGradients, saliencyMaps, smoothGradMaps } from './gradient-maps.ts';
import { occlusionMaps } from './occlusion.ts';

interface Made {
  readonly values: Float32Array;
  readonly layer?: string;
  readonly completeness?: Completeness;
}

type Method = (model: DifferentiableModel, request: ExplainRequest, options: MethodOptions) => Made[];

const justValues = (values: Float32Array): Made => ({ values });

const methods: Readonly<Record<MethodName, { readonly isSigned: boolean; readonly run: Method }>> = {
  'grad-cam': {
    isSigned: false,
    run(model, request, { layer = defaultFeatureLayer(model).name }) {
      return gradCamMaps(model, request, layer).map((values) => ({ values, layer }));
    },
  },
  saliency: { isSigned: false, run: (model, request) => saliencyMaps(model, request).map(justValues) },
  'smooth-grad': {
    isSigned: false,
    run(model, request, { samples = 24, noise = 0.15, seed = 1 }) {
      return smoothGradMaps(model, request, { samples, noise, seed }).map(justValues);
    },
  },
  'integrated-gradients': {
    isSigned: true,
    run: (model, request, { steps = 256 }) => integratedGradients(model, request, steps),
  },
  occlusion: {
    isSigned: true,
    run(model, request, { window = defaultWindow(model), stride = 1 }) {
      return occlusionMaps(model, request, { window, stride }).map(justValues);
    },
  },
};

/**
 * Explains why a model gives images the scores of classes.
 *
 * @param model From `openDifferentiable`
 * @param request Images, and the class of each that is explained
 * @param method One of `methodNames`
 * @param options How often the model is asked
 * @returns A map an image
 * @throws SelvedgeError `explain/method`, `explain/option`, `explain/shape`, `explain/class`, `explain/layer`,
 *   `explain/no-convolution`, `explain/not-finite`
 * @example
 * ```ts
 * import { explainImages, loadShippedModel, openDifferentiable, startBackend } from 'selvedge';
 * const engine = await startBackend({ threads: 1 });
 * const { model } = await loadShippedModel();
 * const request = { images: new Float32Array(784).fill(0.5), labels: [9] };
 * const [map] = explainImages(openDifferentiable(model), request, 'integrated-gradients');
 * // The map adds up to what the image scores more than a black one.
 * const { sum, difference } = map!.completeness!;
 * console.assert(Math.abs(sum - difference) < 0.05 * Math.abs(difference) + 0.05);
 * model.dispose();
 * await engine.stop();
 * ```
 */
export function explainImages(
  model: DifferentiableModel,
  request: ExplainRequest,
  method: MethodName,
  options: MethodOptions = {},
): Explanation[] {
  if (!methodNames.includes(method)) {
    throw new SelvedgeError(
      'explain/method',
      `Cannot explain by method "${method}": expected one of ${methodNames.join(', ')}`,
    );
  }
  checkOptions(model, options);
  const { isSigned, run } = methods[method];
  const [height, width] = model.shape;
  return run(model, request, options).map(({ values, ...more }, image) => ({
    method,
    label: request.labels[image]!,
    height,
    width,
    values,
    isSigned,
    ...more,
  }));
}

const defaultWindow = ({ shape: [height, width] }: DifferentiableModel): number =>
  Math.max(1, Math.floor(Math.min(height, width) / 5));

/** More asks of one image than this are a slip of the hand. */
const MOST = 65_536;

function checkOptions({ shape: [height, width] }: DifferentiableModel, options: MethodOptions): void {
  const side = Math.min(height, width);
  const limits = { steps: MOST, samples: MOST, window: side, stride: side } as const;
  for (const [name, limit] of Object.entries(limits)) {
    const value = options[name as keyof typeof limits];
    if (value === undefined || (Number.isInteger(value) && value >= 1 && value <= limit)) continue;
    throw new SelvedgeError(
      'explain/option',
      `Cannot explain with ${name} ${value}: expected a whole number from 1 to ${limit}`,
    );
  }
  const { noise = 0 } = options;
  if (!(noise >= 0 && noise < Infinity)) {
    throw new SelvedgeError('explain/option', `Cannot explain with noise ${noise}: expected a number from 0`);
  }
}
