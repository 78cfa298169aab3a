// What words come to: variables, `$(…)`, braces, `~`, patterns of files, quotes, as the shell of `deno task` expands them.
// Not here: how `$(…)` runs. Invariant: what was quoted is never split, and never a pattern.
import { platform } from '../../platform/index.ts';
import { findPaths, isPattern } from './glob.ts';
import type { List, Part, Word } from './parse.ts';
import type { State } from './state.ts';

/** What a word cannot come to; a line and code 1, not the end of the script. */
export class ShellFailure extends Error {}

export interface Scope {
  readonly state: State;
  run(list: List): Promise<string>;
}

/** A run of text of one word. */
interface Piece {
  readonly text: string;
  readonly quoted: boolean;
}

/** The words that braces make of one. */
function withoutBraces(word: Word): Word[] {
  let words: Part[][] = [[]];
  for (const part of word) {
    const ways = part.kind === 'braces' ? part.words.flatMap(withoutBraces) : [[part]];
    words = words.flatMap((start) => ways.map((way) => [...start, ...way]));
  }
  return words;
}

/**
 * The arguments that a word comes to.
 *
 * @throws ShellFailure where a pattern means nothing and `failglob` is set
 */
export async function expandWord(word: Word, scope: Scope): Promise<string[]> {
  const args: string[] = [];
  for (const one of withoutBraces(word)) args.push(...(await expandParts(one, scope, false)));
  return args;
}

/** The value that a word comes to where there must be one. */
export const evaluateWord = async (word: Word, scope: Scope): Promise<string> =>
  (await expandWord(word, scope)).join(' ');

async function expandParts(parts: Word, scope: Scope, quoted: boolean): Promise<string[]> {
  const args: string[] = [];
  let pieces: Piece[] = [];
  for (const part of parts) {
    if (part.kind === 'quoted') {
      pieces.push({ text: (await expandParts(part.parts, scope, true)).join(' '), quoted: true });
    } else if (part.kind === 'text') pieces.push({ text: part.text, quoted: false });
    else if (part.kind === 'home') {
      pieces.push({ text: scope.state.get('HOME') ?? platform.homeFolder(), quoted: true });
    } else {
      const value = await textOf(part, scope);
      const texts = (value ?? '').split(' ').filter((text) => text !== '');
      for (const [at, text] of texts.entries()) {
        if (at > 0) {
          args.push(...(await pathsOf(pieces, scope, quoted)));
          pieces = [];
        }
        pieces.push({ text, quoted: false });
      }
    }
  }
  if (pieces.length > 0) args.push(...(await pathsOf(pieces, scope, quoted)));
  return args;
}

async function textOf(
  part: Exclude<Part, { kind: 'text' | 'quoted' | 'home' }>,
  scope: Scope,
): Promise<string | undefined> {
  if (part.kind === 'variable') return scope.state.get(part.name);
  if (part.kind === 'braces') return evaluateWord([part], scope);
  return (await scope.run(part.list)).replace(/[ \n\r\t]+/g, ' ').trim();
}

/** The word itself, or the paths that it means. */
async function pathsOf(pieces: readonly Piece[], { state }: Scope, quoted: boolean): Promise<string[]> {
  const text = pieces.map((piece) => piece.text).join('');
  if (quoted || !pieces.some((piece) => !piece.quoted && isPattern(piece.text))) return [text];
  const pattern = pieces.map((piece) => (piece.quoted ? piece.text.replace(/[?*[\]]/g, '[$&]') : piece.text)).join('');
  const { options } = state;
  const paths = await findPaths(options.has('globstar') ? pattern : pattern.replace(/\*\*+/g, '*'), state.cwd);
  if (paths !== undefined && paths.length > 0) return paths;
  if (options.has('failglob')) {
    const full = pattern.startsWith('/') ? pattern : `${state.cwd}/${pattern}`;
    throw new ShellFailure(
      `glob: no matches found '${full}' (run \`shopt -u failglob\` to pass unmatched glob patterns literally)`,
    );
  }
  // As there: a pattern that means nothing is itself, with what was quoted in brackets.
  return options.has('nullglob') ? [] : [pattern];
}
