// What the report shows of a model's explanations: maps over the first test images of each class. Not here: the figure (src/report).
import type { Dataset } from '../data/dataset.ts';
import { explainImages, type MethodName, methodsFor, openDifferentiable, paintMap } from '../explain/index.ts';
import { loadModel } from '../models/index.ts';
import type { ReportExplanations } from '../report/study-report-input.ts';

const IMAGES_OF_A_CLASS = 2;
/** As the figure names them, which has little room. */
const shown: readonly (readonly [MethodName, string])[] = [
  ['grad-cam', 'Grad-CAM'],
  ['integrated-gradients', 'integrated'],
  ['occlusion', 'occlusion'],
];
/** A picture wants fewer than an evaluation. */
const STEPS = 64;

/**
 * Explains the first test images of each class, each for the class that the model predicts. Needs a started backend.
 *
 * @param folder Of the saved model
 * @param name For people
 */
export async function gatherExplanations(folder: string, name: string, test: Dataset): Promise<ReportExplanations> {
  const { model } = await loadModel(folder);
  try {
    const asked = openDifferentiable(model);
    const size = test.height * test.width * test.channels;
    const rows = test.classNames.map((_, label) => firstOf(test.labels, label, IMAGES_OF_A_CLASS));
    const indices = rows.flat();
    const pixelsOf = (index: number): Uint8Array => test.images.subarray(index * size, (index + 1) * size);
    const images = new Float32Array(indices.length * size);
    indices.forEach((index, i) => {
      images.set(
        Float32Array.from(pixelsOf(index), (level) => level / 255),
        i * size,
      );
    });
    const scores = asked.scores(images);
    const labels = indices.map((_, i) => {
      const row = scores.subarray(i * asked.classes, (i + 1) * asked.classes);
      return row.indexOf(row.reduce((most, score) => Math.max(most, score)));
    });
    const methods = shown.filter(([method]) => methodsFor(asked).includes(method));
    const maps = methods.map(([method]) => explainImages(asked, { images, labels }, method, { steps: STEPS }));
    let next = 0;
    const classes = rows.map((row, label) => ({
      name: test.classNames[label]!,
      images: row.map((index) => {
        const i = next++;
        return {
          image: { width: test.width, height: test.height, channels: test.channels, pixels: pixelsOf(index) },
          overlays: maps.map((each) => ({ colours: paintMap(each[i]!.values) })),
          predictedName: test.classNames[labels[i]!]!,
        };
      }),
    }));
    return { model: name, methods: methods.map(([, short]) => short), classes };
  } finally {
    model.dispose();
  }
}

function firstOf(labels: ArrayLike<number>, label: number, count: number): number[] {
  const found: number[] = [];
  for (let i = 0; i < labels.length && found.length < count; i++) if (labels[i] === label) found.push(i);
  return found;
}
