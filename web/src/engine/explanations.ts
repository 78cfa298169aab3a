// What a model looks at in a picture: a painted map, by the engine. Not here: the methods, which are the package's.
// This module brings the engine, so it is loaded when it is first needed.
import { explainImages, type MethodName, openDifferentiable, paintMap } from 'selvedge/explain';
import type { ModelChoice } from './protocol.ts';
import { openedModel } from './trained-models.ts';

/**
 * Explains the score of a class.
 *
 * @param pixels 28 x 28 grey levels, as the model sees them
 * @returns Red, green, blue and opacity from 0 to 255 of each pixel
 */
export async function explainImage(
  model: ModelChoice,
  pixels: Uint8Array,
  label: number,
  method: MethodName,
): Promise<Uint8ClampedArray> {
  const images = Float32Array.from(pixels, (level) => level / 255);
  const [map] = explainImages(openDifferentiable(await openedModel(model)), { images, labels: [label] }, method);
  return paintMap(map!.values);
}
