// selvedge predict: tell what pictures show, by a trained model. One that ships answers before any training.
// Invariant: a picture that cannot be read is an error of its own; the others are answered all the same.
import type { PreparedPicture } from '../data/preparation.ts';
import { predictViews, type ViewsName } from '../evaluation/views.ts';
import { type ChosenClassifier, openChosenClassifier } from './chosen-classifier.ts';
import { chosenModelOptions } from './chosen-model.ts';
import { command, exitCodes } from './command.ts';
import { threadsOption, viewsOption, wholeNumber } from './options.ts';
import { pixelsOfPictures, type ReadPicture, readPictures } from './picture-files.ts';

/** A class and the probability that the picture shows it. */
interface Candidate {
  readonly class: string;
  readonly probability: number;
}

interface Prediction {
  readonly file: string;
  readonly image: PreparedPicture;
  /** All classes, the likeliest first. */
  readonly candidates: readonly Candidate[];
}

export const predict = command({
  name: 'predict',
  description: 'Tell what pictures show: PNG, JPEG or WebP of any size, on ground of any colour',
  takesList: true,
  args: {
    image: { type: 'positional', required: true, description: 'Picture files, one or more' },
    ...chosenModelOptions,
    top: { type: 'string', valueHint: 'count', description: 'Classes to show (default: 3)' },
    ...viewsOption,
    ...threadsOption,
  },
  async run(args, context) {
    const verbose = (args as { verbose?: boolean }).verbose === true;
    const top = wholeNumber('top', args.top) ?? 3;
    const classifier = await openChosenClassifier(args, context);
    const { name, folder, origin, preparation, unplanned } = classifier;
    if (verbose && unplanned !== undefined) context.writeError(`${name} predicts op by op: ${unplanned}\n`);
    const { pictures, failures } = await readPictures(args._, 'predict', { context, verbose, preparation });
    const { views = classifier.views } = args;
    const predictions = predictAll(classifier, pictures, views);
    classifier.dispose();
    return {
      json: { model: { folder, name, ...origin }, views, images: predictions.map(toJson), failures },
      text: describe(predictions, top),
      exitCode: failures.length > 0 ? exitCodes.failure : exitCodes.ok,
    };
  },
});

function predictAll(
  { classify, classNames, preparation: { side, channels } }: ChosenClassifier,
  pictures: readonly ReadPicture[],
  views: ViewsName,
): Prediction[] {
  const probabilities = predictViews(pixelsOfPictures(pictures), [side, side, channels], views, classify);
  return pictures.map(({ file, image }, row) => {
    const start = row * classNames.length;
    const candidates = classNames.map((name, label) => ({ class: name, probability: probabilities[start + label]! }));
    return { file, image, candidates: candidates.sort((a, b) => b.probability - a.probability) };
  });
}

function toJson({ file, image, candidates }: Prediction): object {
  const [best] = candidates;
  return {
    file,
    class: best!.class,
    probability: best!.probability,
    probabilities: Object.fromEntries(candidates.map((candidate) => [candidate.class, candidate.probability])),
    ...(image.ground && { ground: image.ground }),
    box: image.box,
  };
}

/** A line a picture, such as `shoe.jpg  Ankle boot 98.1%, Sneaker 1.7%, Sandal 0.1%`. */
function describe(predictions: readonly Prediction[], top: number): string {
  const width = Math.max(0, ...predictions.map(({ file }) => file.length));
  return predictions
    .map(({ file, candidates }) => {
      const shown = candidates.slice(0, top).map((one) => `${one.class} ${(100 * one.probability).toFixed(1)}%`);
      return `${file.padEnd(width)}  ${shown.join(', ')}`;
    })
    .join('\n');
}
