// What a picture shows, for who varies it without saying so: as the small classifier that ships sees it. Not here: other classifiers.
// Invariant: the same picture gives the same class on every engine.
import { SelvedgeError } from '../../core/errors.ts';
import { openShippedClassifier } from '../../models/shipped.ts';
import type { ClassMixture } from './design.ts';
import type { GeneratorDescription } from './generator-file.ts';

/**
 * The likeliest class of a picture.
 *
 * @param picture Levels from 0 to 255, `side * side` of them, light on dark
 * @param generator Whose classes are wanted
 * @throws SelvedgeError `generate/classes` if the generator knows others than the classifier
 */
export async function seenClasses(picture: Uint8Array, generator: GeneratorDescription): Promise<ClassMixture> {
  const { model, classify } = await openShippedClassifier('dropout');
  if (model.labels.join() !== generator.classNames.join()) {
    throw new SelvedgeError(
      'generate/classes',
      `Cannot tell what the picture shows: name its class, one of ${generator.classNames.join(', ')}`,
    );
  }
  const probabilities = classify(picture);
  const likeliest = probabilities.indexOf(probabilities.reduce((most, value) => Math.max(most, value)));
  return { [model.labels[likeliest]!]: 1 };
}
