// Names of classes: from a file of one a line, or from what a data set calls them. Not here: which example is of which class.
// Invariant: names are unique and no more than a label of one byte can tell apart.
import { SelvedgeError } from '../core/errors.ts';
import { decodeText } from './decode-text.ts';
import { listed } from './listed.ts';

/** Labels are bytes. */
export const MAXIMUM_CLASSES = 256;

/** The file of names that may lie beside the data. */
export const CLASSES_FILE = 'classes.txt';

/**
 * Reads names, one a line, by label; lines of `#` and empty ones at the end are passed over.
 *
 * @param bytes UTF-8
 * @param name The file's name for error messages
 * @returns At least two names
 * @throws SelvedgeError `classes/encoding`, `classes/bad-line`, or as `checkClassNames`
 * @example
 * ```ts
 * import { readClassNames } from 'selvedge';
 * const bytes = new TextEncoder().encode('cat\ndog\n');
 * console.assert(readClassNames(bytes, 'classes.txt').length === 2);
 * ```
 */
export function readClassNames(bytes: Uint8Array, name: string): string[] {
  const text = decodeText(bytes, name, 'classes/encoding');
  const names = text
    .trimEnd()
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => !line.startsWith('#'));
  const empty = names.indexOf('');
  if (empty >= 0 && names.length > 1) {
    throw new SelvedgeError('classes/bad-line', `Cannot read "${name}": expected a name for class ${empty}, got none`);
  }
  checkClassNames(names.filter(Boolean), `"${name}"`);
  return names;
}

/**
 * Refuses names that are no set of classes.
 *
 * @param names By label
 * @param place Where they are from, for the message
 * @throws SelvedgeError `data/one-class`, `data/too-many-classes`, `classes/repeated`
 */
export function checkClassNames(names: readonly string[], place: string): void {
  const repeated = names.filter((name, i) => names.indexOf(name) !== i);
  if (repeated.length > 0) {
    throw new SelvedgeError(
      'classes/repeated',
      `Cannot use the classes of ${place}: expected a name once, got ${listed(repeated, quoted)} again`,
    );
  }
  if (names.length > MAXIMUM_CLASSES) {
    throw new SelvedgeError(
      'data/too-many-classes',
      `Cannot use the classes of ${place}: expected at most ${MAXIMUM_CLASSES}, got ${names.length}`,
    );
  }
  if (names.length >= 2) return;
  const got = names.length === 0 ? 'none' : `"${names[0]}" alone`;
  throw new SelvedgeError(
    'data/one-class',
    `Cannot use the classes of ${place}: expected two or more to tell apart, got ${got}`,
  );
}

export const quoted = (name: string): string => `"${name}"`;

/**
 * Names in the order of their labels: numbers by value, anything else by code unit.
 *
 * @param names In any order, with repeats
 */
export function sortedClassNames(names: Iterable<string>): string[] {
  const unique = [...new Set(names)].sort();
  const isNumbered = unique.every((name) => /^(?:0|[1-9]\d{0,8})$/.test(name));
  return isNumbered ? unique.sort((a, b) => Number(a) - Number(b)) : unique;
}
