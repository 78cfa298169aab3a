// Progress of work that is counted: a live bar on a terminal, a plain line now and then elsewhere. Writes to standard error only.
// Not here: trainings (progress.ts).
import { platform } from '../platform/index.ts';
import type { CommandContext } from './command.ts';

/** Shows how far some work is. */
export interface WorkDisplay {
  /** @param done Of the total; `resumed` of them were there before */
  update(done: number, resumed: number): void;
  stop(): void;
}

/** Milliseconds between plain lines. */
const PLAIN_LINE_MS = 10_000;

/**
 * @param what What is counted, in the plural
 * @param total How many there are
 */
export async function showWork(what: string, total: number, context: CommandContext): Promise<WorkDisplay> {
  const begun = platform.now();
  /** Pictures a second and seconds left, by what was done in this run. */
  const pace = (done: number, resumed: number): { rate: number; leftSeconds: number } => {
    const rate = (1000 * (done - resumed)) / Math.max(1, platform.now() - begun);
    return { rate, leftSeconds: rate > 0 ? Math.ceil((total - done) / rate) : 0 };
  };
  if (platform.terminal.isTerminal) {
    const { Presets, SingleBar } = await import('cli-progress');
    const format = `{bar} {value}/{total} ${what} | {rate}/s | {left} s left`;
    const bar = new SingleBar({ format, clearOnComplete: true, hideCursor: true, barsize: 24 }, Presets.shades_classic);
    bar.start(total, 0, { rate: 0, left: '?' });
    return {
      update(done, resumed) {
        const { rate, leftSeconds } = pace(done, resumed);
        bar.update(done, { rate: Math.round(rate).toLocaleString('en-US'), left: leftSeconds });
      },
      stop: () => bar.stop(),
    };
  }
  let last = begun;
  return {
    update(done, resumed) {
      if (platform.now() - last < PLAIN_LINE_MS) return;
      last = platform.now();
      const { rate, leftSeconds } = pace(done, resumed);
      context.writeError(`${done} of ${total} ${what}, ${Math.round(rate)}/s, ${leftSeconds} s left\n`);
    },
    stop() {},
  };
}
