// The teacher of a distillation: a trained model that says, for each batch of a training, what it takes its images for.
// Not here: what is made of it (assembly/weighted-cross-entropy.ts). Invariant: it sees the very images that the student sees, augmented
// and mixed, or, asked once, those of the data; its weights stay.
import { currentBackend } from '../backend/index.ts';
import * as tf from '../backend/tfjs.ts';
import { SelvedgeError } from '../core/errors.ts';
import { type BatchShape, batchShapeOf, type Examples } from '../data/index.ts';
import { compileInference } from '../plan/index.ts';

/** Probabilities of the images of a batch. */
export interface Teacher {
  /**
   * Probabilities `[size, classes]`.
   *
   * @param images Byte offset of float32 `[size, height, width, channels]`
   * @returns Valid until the next call and until any tensor is made
   */
  probabilities(images: number, size: number): Float32Array;
  /** Gives back its memory; the model stays. */
  dispose(): void;
}

/**
 * Makes a model ready to teach.
 *
 * @param student What the model that is trained takes and gives: the teacher must take and give the same
 * @param batchSize Images of the largest batch
 * @returns A teacher, which the caller disposes
 * @throws SelvedgeError `training/teacher`
 */
export function createTeacher(model: tf.LayersModel, student: BatchShape, batchSize: number): Teacher {
  const own = batchShapeOf(model);
  if (own.classes !== student.classes || own.image.join() !== student.image.join()) {
    throw new SelvedgeError(
      'training/teacher',
      `Cannot learn from a teacher of ${describeShape(own)}: expected ${describeShape(student)}, as the model has them`,
    );
  }
  const plan = compileInference(model, { batchSize });
  if (!('reason' in plan)) {
    return {
      probabilities: (byteOffset, size) => plan.predict({ byteOffset, size }),
      dispose: () => plan.dispose(),
    };
  }
  const shape = own.image.map((extent) => extent ?? 1);
  const floats = shape.reduce((product, extent) => product * extent, 1);
  return {
    probabilities(byteOffset, size) {
      // A copy: tensors that are made may move the memory.
      const bytes = currentBackend()
        .bytes(byteOffset, size * floats * 4)
        .slice();
      return tf.tidy(() => {
        const x = tf.tensor(new Float32Array(bytes.buffer), [size, ...shape]);
        return (model.predict(x, { batchSize: size }) as tf.Tensor).dataSync<'float32'>().slice();
      });
    },
    dispose() {},
  };
}

/**
 * A teacher that is asked about each example when it comes first, as it is in the data, and says the same ever after.
 *
 * @param teacher Disposed with what is made of it
 * @param positions Of the batch that it is asked about
 */
export function rememberAnswers(
  teacher: Teacher,
  examples: Examples,
  classes: number,
  positions: () => Int32Array,
): Teacher {
  const answers = new Float32Array(examples.count * classes);
  const isKnown = new Uint8Array(examples.count);
  const ask = (batch: Int32Array): void => {
    const { x, y } = examples.batch(batch);
    const said = teacher.probabilities(currentBackend().offset(x), batch.length);
    batch.forEach((position, row) => {
      answers.set(said.subarray(row * classes, (row + 1) * classes), position * classes);
      isKnown[position] = 1;
    });
    tf.dispose([x, y]);
  };
  return {
    probabilities() {
      const batch = positions();
      if (batch.some((position) => isKnown[position] === 0)) ask(batch);
      const rows = new Float32Array(batch.length * classes);
      batch.forEach((position, row) => {
        rows.set(answers.subarray(position * classes, (position + 1) * classes), row * classes);
      });
      return rows;
    },
    dispose: () => teacher.dispose(),
  };
}

const describeShape = ({ image, classes }: BatchShape): string => `images [${image.join(', ')}] and ${classes} classes`;
