// What the system says of a call that failed, in the words that Deno's shell prints.
// Invariant: an error without a known code is told by its own message.
import { messageOf } from '../../core/errors.ts';

const WORDS: ReadonlyMap<string, string> = new Map([
  ['ENOENT', 'No such file or directory (os error 2)'],
  ['EACCES', 'Permission denied (os error 13)'],
  ['EEXIST', 'File exists (os error 17)'],
  ['ENOTDIR', 'Not a directory (os error 20)'],
  ['EISDIR', 'Is a directory (os error 21)'],
  ['ENOTEMPTY', 'Directory not empty (os error 39)'],
]);

/** The code of a system error, of its cause where it has none itself. */
export function systemCode(error: unknown): string | undefined {
  for (let at = error as { code?: unknown; cause?: unknown } | undefined; at; at = at.cause as typeof at) {
    if (typeof at.code === 'string' && WORDS.has(at.code)) return at.code;
  }
  return undefined;
}

export const systemMessage = (error: unknown): string => WORDS.get(systemCode(error) ?? '') ?? messageOf(error);
