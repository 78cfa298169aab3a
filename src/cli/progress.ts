// Progress of a training: a live bar on a terminal, a plain line an epoch elsewhere. Writes to standard error only.
import type { SingleBar } from 'cli-progress';
import { platform } from '../platform/index.ts';
import type { EpochRecord, Progress } from '../training/index.ts';
import type { CommandContext } from './command.ts';

/** Shows one training. */
export interface TrainingDisplay {
  step(progress: Progress): void;
  epoch(record: EpochRecord, epochs: number): void;
  stop(): void;
}

/** Milliseconds between plain lines inside an epoch. */
const PLAIN_LINE_MS = 15_000;

/** @param name Name of the model, in front of each line */
export async function showTraining(name: string, context: CommandContext): Promise<TrainingDisplay> {
  const display = platform.terminal.isTerminal ? await liveBar(name, context) : plainLines(name, context);
  const { observer } = context;
  return {
    step(progress) {
      display.step(progress);
      observer?.onProgress?.(name, progress);
    },
    epoch(record, epochs) {
      display.epoch(record, epochs);
      observer?.onEpoch?.(name, record, epochs);
    },
    stop: display.stop,
  };
}

async function liveBar(name: string, context: CommandContext): Promise<TrainingDisplay> {
  // Loaded where there is a terminal to draw on.
  const { Presets, SingleBar } = await import('cli-progress');
  const format = `${name} {epoch} {bar} {value}/{total} | {rate} images/s | loss {loss} | accuracy {accuracy} | {eta_formatted} left`;
  let bar: SingleBar | undefined;
  const finish = (): void => {
    bar?.stop();
    bar = undefined;
  };
  return {
    step(progress) {
      if (!bar) {
        bar = new SingleBar({ format, clearOnComplete: true, hideCursor: true, barsize: 20 }, Presets.shades_classic);
        bar.start(progress.steps, 0, payloadOf(progress));
      }
      bar.update(progress.step, payloadOf(progress));
    },
    epoch(record, epochs) {
      finish();
      context.writeError(`${epochLine(name, record, epochs)}\n`);
    },
    stop: finish,
  };
}

function plainLines(name: string, context: CommandContext): TrainingDisplay {
  let last = platform.now();
  return {
    step(progress) {
      if (platform.now() - last < PLAIN_LINE_MS) return;
      last = platform.now();
      const { epoch, rate, loss, accuracy } = payloadOf(progress);
      const leftSeconds = ((progress.steps - progress.step) / progress.step) * (progress.elapsedMs / 1000);
      context.writeError(
        `${name} ${epoch} step ${progress.step}/${progress.steps}: ${rate} images/s, loss ${loss}, accuracy ${accuracy}, ` +
          `${Math.ceil(leftSeconds)} s left in this epoch\n`,
      );
    },
    epoch(record, epochs) {
      last = platform.now();
      context.writeError(`${epochLine(name, record, epochs)}\n`);
    },
    stop() {},
  };
}

function payloadOf(progress: Progress): { epoch: string; rate: string; loss: string; accuracy: string } {
  return {
    epoch: `epoch ${progress.epoch}/${progress.epochs}`,
    rate: Math.round(progress.imagesPerSecond).toLocaleString('en-US'),
    loss: progress.loss.toFixed(4),
    accuracy: progress.accuracy.toFixed(4),
  };
}

function epochLine(name: string, record: EpochRecord, epochs: number): string {
  const validation =
    record.validationLoss === undefined
      ? ''
      : `, validation loss ${record.validationLoss.toFixed(4)}, accuracy ${record.validationAccuracy!.toFixed(4)}`;
  return (
    `${name} epoch ${record.epoch}/${epochs}: loss ${record.loss.toFixed(4)}, accuracy ${record.accuracy.toFixed(4)}${validation}, ` +
    `${Math.round(record.imagesPerSecond).toLocaleString('en-US')} images/s, ${(record.durationMs / 1000).toFixed(1)} s`
  );
}
