// How Ctrl-C ends what does not listen for it. Not here: trainings and tasks, which end by themselves in good order.
import { SelvedgeError } from '../core/errors.ts';

/**
 * What `run` answers, or an error as soon as the signal comes; what it was doing is then abandoned.
 *
 * @throws SelvedgeError `cli/interrupted`, and whatever `run` throws
 */
export async function untilInterrupted<T>(run: () => Promise<T>, signal: AbortSignal): Promise<T> {
  let stop = (): void => {};
  const interruption = new Promise<never>((_, reject) => {
    stop = () => reject(new SelvedgeError('cli/interrupted', 'Interrupted'));
  });
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  try {
    return await Promise.race([interruption, run()]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
