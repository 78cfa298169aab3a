// What a command's output says of its tests. Not here: running it.
import { judgeFile } from '../run-tests.ts';

/**
 * Reads the last line `N passed, N failed`, or else the summary of uvu.
 *
 * @param code Exit code; undefined or null where a signal ended it
 * @param output Standard output
 * @returns Counts; at least one failure where the command did not end well or counted nothing
 */
export function judgeOutput(code: number | null, output: string): { readonly passed: number; readonly failed: number } {
  const counts = [...output.matchAll(/^(\d+) passed, (\d+) failed$/gm)].at(-1);
  if (!counts) return judgeFile({ code: code ?? 1, output });
  const [passed, failed] = [Number(counts[1]), Number(counts[2])];
  const isSound = code === 0 && passed > 0;
  return { passed, failed: isSound ? failed : Math.max(1, failed) };
}
