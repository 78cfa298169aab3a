// A training in a process of its own, which the test kills: the dropout model on the shipped sample, augmented, with
// checkpoints in the folder given. It prints a line an update and, at its end, the digest of the weights and the losses.
// Arguments: folder, and a fault as JSON.
import { closeSync, ftruncateSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { startBackend } from '../../src/backend/index.ts';
import { defaultAugmentation } from '../../src/data/index.ts';
import { type Files, platform } from '../../src/platform/index.ts';
import { type FitState, fit, openCheckpoints } from '../../src/training/index.ts';
import { placeSample, settingsOf, studyModel, weightsDigest } from './sample-run.ts';

/** How a run goes wrong. */
export interface Fault {
  /** The write of this number, from 1, dies after this share of its bytes. */
  readonly write?: { readonly number: number; readonly share: number };
  /** Updates after which it waits for its end, so that it cannot outrun whoever kills it. */
  readonly holdAfter?: number;
}

export const EPOCHS = 20;
export const STEPS_PER_EPOCH = 10;
const BATCH_SIZE = 24;
/** The last batch of an epoch is short. */
const COUNT = STEPS_PER_EPOCH * BATCH_SIZE - 10;
/** Not a divisor of the steps, so that checkpoints come inside epochs and at their ends. */
const CHECKPOINT_EVERY = 4;

const die = (): never => {
  process.kill(process.pid, 'SIGKILL');
  for (;;) hold();
};

const hold = (): void => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60_000);
};

/** The platform's files, except that one write stops part of the way and takes the process with it. */
function dyingFiles({ number, share }: NonNullable<Fault['write']>): Files {
  let writes = 0;
  return {
    ...platform.files,
    async overwrite(file, parts) {
      writes++;
      if (writes < number) return platform.files.overwrite(file, parts);
      const whole = Buffer.concat(parts);
      const descriptor = openSync(file, 'w');
      ftruncateSync(descriptor, 0);
      writeSync(descriptor, whole, 0, Math.floor(share * whole.length));
      closeSync(descriptor);
      die();
    },
  };
}

async function main(folder: string, fault: Fault): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const engine = await startBackend({ threads: 2 });
  const augmentation = { seed: 5, settings: defaultAugmentation };
  const { training, validation } = await placeSample({ count: COUNT, validationCount: 40, augmentation });
  const model = studyModel('dropout', 5);
  const files = fault.write ? dyingFiles(fault.write) : platform.files;
  let updates = 0;
  const { history } = await fit(model, {
    training,
    validation,
    settings: settingsOf({ epochs: EPOCHS, batchSize: BATCH_SIZE, seed: 5 }),
    checkpoints: openCheckpoints<FitState>(folder, files),
    checkpointEvery: CHECKPOINT_EVERY,
    onProgress: ({ epoch, step }) => {
      process.stdout.write(`update ${(epoch - 1) * STEPS_PER_EPOCH + step}\n`);
      if (++updates === fault.holdAfter) hold();
    },
  });
  const losses = history.map(({ loss, accuracy, validationLoss }) => [loss, accuracy, validationLoss]);
  process.stdout.write(`${JSON.stringify({ digest: weightsDigest(model), losses })}\n`);
  await engine.stop();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await main(process.argv[2]!, JSON.parse(process.argv[3] ?? '{}') as Fault);
}
