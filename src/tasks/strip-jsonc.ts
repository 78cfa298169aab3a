// JSON with comments and trailing commas, as `deno.json` allows, to plain JSON of the same length.
// Not a parser: what JSON itself forbids stays for JSON.parse to refuse.
// Invariant: every removed character becomes a space, so offsets in a later error still point into the original text.

const COMMENT = String.raw`\/\/[^\n]*(?:\n|$)|\/\*(?:[^*]|\*(?!\/))*\*\/`;
// A string, a comment, or a comma that only white space and comments part from a closing bracket.
const TOKEN = new RegExp(String.raw`"(?:[^"\\]|\\.)*"|${COMMENT}|,(?=(?:\s|${COMMENT})*[}\]])`, 'g');

/**
 * Blanks comments and trailing commas.
 *
 * @param text JSON with comments
 * @returns JSON, with the same number of characters and lines
 *
 * @example
 * ```ts
 * console.assert(JSON.parse(stripJsonc('{ "a": 1, // one\n }')).a === 1);
 * ```
 */
export function stripJsonc(text: string): string {
  return text.replace(TOKEN, (token) => (token.startsWith('"') ? token : token.replace(/[^\n]/g, ' ')));
}
