// The braces of a word: `{a,b}` and `{1..3}`, as the shell of `deno task` reads them.
// Not here: what stands between them (parse.ts). Invariant: braces that hold neither a comma nor a range are text.

/** The words that braces at `at` stand for, and where the text goes on; undefined where they are text. */
export function braceParts<Word>(
  text: string,
  at: number,
  parse: (source: string) => Word | undefined,
  asText: (sign: string) => Word,
): { readonly words: readonly Word[]; readonly end: number } | undefined {
  const range = /\{(?:(-?\d+)\.\.(-?\d+)(?:\.\.(-?\d+))?|([!#-&(-[\]-_a-|~ ])\.\.([!#-&(-[\]-_a-~ ]))\}/y;
  range.lastIndex = at;
  const found = range.exec(text);
  if (found) {
    const words = rangeItems(found)?.map(asText);
    if (words !== undefined && words.length > 0) return { words, end: at + found[0].length };
    return undefined;
  }
  const sources = itemsOf(text, at + 1);
  if (sources === undefined || sources.items.length < 2) return undefined;
  const words: Word[] = [];
  for (const item of sources.items) {
    const word = parse(item);
    if (word === undefined) return undefined;
    words.push(word);
  }
  return { words, end: sources.end };
}

function rangeItems([, first, last, step, from, to]: readonly (string | undefined)[]): string[] | undefined {
  const isText = first === undefined;
  const start = isText ? from!.codePointAt(0)! : Number(first);
  const end = isText ? to!.codePointAt(0)! : Number(last);
  const stride = Math.abs(Number(step ?? 1));
  if (stride === 0) return undefined;
  const items: string[] = [];
  const sign = end < start ? -1 : 1;
  for (let value = start; sign * value <= sign * end; value += sign * stride) {
    items.push(isText ? String.fromCodePoint(value) : String(value));
  }
  return items;
}

/** The sources between commas up to the first `}` that closes nothing else; no white space outside of quotes. */
function itemsOf(text: string, start: number): { readonly items: readonly string[]; readonly end: number } | undefined {
  const items: string[] = [];
  let from = start;
  let [depth, parens] = [0, 0];
  for (let at = start; at < text.length; at++) {
    const sign = text[at]!;
    if (sign === '\\') at++;
    else if (sign === "'" || sign === '"') {
      at = text.indexOf(sign, at + 1);
      if (at < 0) return undefined;
    } else if (sign === '(') parens++;
    else if (sign === ')') parens--;
    else if (parens > 0) continue;
    else if (/\s/.test(sign)) return undefined;
    else if (sign === '{') depth++;
    else if (sign === '}' && depth > 0) depth--;
    else if (sign === ',' && depth === 0) {
      items.push(text.slice(from, at));
      from = at + 1;
    } else if (sign === '}') {
      items.push(text.slice(from, at));
      return { items, end: at + 1 };
    }
  }
  return undefined;
}
