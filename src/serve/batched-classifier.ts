// Puts what waits at the same moment into one call of a classifier. Not here: reading images. Invariant: everybody gets what a call of
// their own would have given, to the bit, since an image has the same probabilities in every batch; nobody's error is another's.
import type { Classifier } from '../edge/index.ts';
import { requireContrast } from '../edge/require-contrast.ts';
import type { AnyClassifier } from './app.ts';

export interface BatchOptions {
  /** Resolves once the event loop has taken what else has come. */
  readonly giveWay: () => Promise<void>;
  /** Images of a call, unless one asks for more alone: between calls the event loop has its turn. */
  readonly maximumImages?: number;
}

interface Caller {
  readonly images: Uint8Array;
  resolve(probabilities: Float32Array): void;
  reject(error: unknown): void;
}

/**
 * A classifier that answers later, and all who asked meanwhile at once.
 *
 * @param classifier Asked with images of one caller or of several, one after another
 * @param options How to wait, and for how many
 */
export function batchedClassifier(
  classifier: Classifier,
  { giveWay, maximumImages = 64 }: BatchOptions,
): AnyClassifier {
  const { inputShape, labels } = classifier.model;
  const imageBytes = inputShape[0] * inputShape[1] * inputShape[2];
  const waiting: Caller[] = [];

  const classifyAlone = ({ images, resolve, reject }: Caller): void => {
    try {
      resolve(classifier.classify(images));
    } catch (error) {
      reject(error);
    }
  };
  const classifyTogether = (callers: readonly Caller[]): void => {
    if (callers.length === 1) {
      classifyAlone(callers[0]!);
      return;
    }
    const images = new Uint8Array(callers.reduce((sum, caller) => sum + caller.images.length, 0));
    let at = 0;
    for (const caller of callers) {
      images.set(caller.images, at);
      at += caller.images.length;
    }
    let probabilities: Float32Array;
    try {
      probabilities = classifier.classify(images);
    } catch {
      // Whose fault it is tells each call by itself.
      for (const caller of callers) classifyAlone(caller);
      return;
    }
    let first = 0;
    for (const caller of callers) {
      const end = first + (caller.images.length / imageBytes) * labels.length;
      caller.resolve(probabilities.slice(first, end));
      first = end;
    }
  };
  const run = async (): Promise<void> => {
    while (waiting.length > 0) {
      await giveWay();
      let [count, images] = [0, 0];
      while (count < waiting.length) {
        images += waiting[count]!.images.length / imageBytes;
        if (count > 0 && images > maximumImages) break;
        count++;
      }
      classifyTogether(waiting.splice(0, count));
    }
  };
  return {
    model: classifier.model,
    classify: (images) =>
      new Promise((resolve, reject) => {
        // Before they meet others: the error names the image by its place among the caller's own.
        requireContrast(images, imageBytes);
        waiting.push({ images, resolve, reject });
        if (waiting.length === 1) run();
      }),
  };
}
