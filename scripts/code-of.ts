// The code of a TypeScript file without its comments and without the text of its literals, for checks that search it.
// Not a parser: it knows where comments, strings, templates and regular expressions begin and end, and nothing else.
// Invariant: the answer has the length and the line breaks of the source, so positions and line numbers are the same in both.

/** What the next character belongs to: code, or code inside `${…}` of a template with so many open braces. */
interface Template {
  braces: number;
}

/** A slash after one of these begins a regular expression, after anything else it divides. */
const BEFORE_EXPRESSION =
  /(^|[([{,;:=!&|?+\-*%<>~^}]|\b(?:return|typeof|case|in|of|do|else|throw|new|void|delete|await|yield))\s*$/;

/**
 * Blanks comments and the inside of strings, templates and regular expressions with spaces; quotes stay.
 *
 * @param source TypeScript or JavaScript
 * @returns Text of the same length and lines
 */
export function codeOf(source: string): string {
  const out: string[] = [];
  const templates: Template[] = [];
  let at = 0;
  const keep = (count: number): void => {
    out.push(source.slice(at, at + count));
    at += count;
  };
  const blankUntil = (end: number): void => {
    out.push(source.slice(at, end).replace(/[^\n]/g, ' '));
    at = end;
  };
  const templateText = (): void => {
    blankUntil(endOf(source, at, /\\[\s\S]|`|\$\{/g, ['`', '${']));
    if (source[at] === '`') keep(1);
    else if (at < source.length) {
      keep(2);
      templates.push({ braces: 0 });
    }
  };
  while (at < source.length) {
    const sign = source[at]!;
    const inside = templates.at(-1);
    if (source.startsWith('//', at)) blankUntil(indexOrEnd(source, '\n', at));
    else if (source.startsWith('/*', at)) blankUntil(Math.min(source.length, indexOrEnd(source, '*/', at + 2) + 2));
    else if (sign === "'" || sign === '"') {
      keep(1);
      blankUntil(endOf(source, at, new RegExp(`\\\\[\\s\\S]|${sign}|\\n`, 'g'), [sign, '\n']));
      keep(1);
    } else if (sign === '`') {
      keep(1);
      templateText();
    } else if (inside && inside.braces === 0 && sign === '}') {
      templates.pop();
      keep(1);
      templateText();
    } else if (sign === '/' && BEFORE_EXPRESSION.test(out.join('').slice(-40))) {
      keep(1);
      blankUntil(endOf(source, at, /\\.|\[(?:\\.|[^\]\\\n])*\]|\/|\n/g, ['/', '\n']));
      keep(1);
    } else {
      if (inside && sign === '{') inside.braces++;
      if (inside && sign === '}') inside.braces--;
      keep(1);
    }
  }
  return out.join('');
}

/** Position of the first token that is one of `ends`, passing over other matches of `tokens`; the end if there is none. */
function endOf(source: string, from: number, tokens: RegExp, ends: readonly string[]): number {
  tokens.lastIndex = from;
  for (let found = tokens.exec(source); found; found = tokens.exec(source))
    if (ends.includes(found[0])) return found.index;
  return source.length;
}

function indexOrEnd(source: string, text: string, from: number): number {
  const index = source.indexOf(text, from);
  return index < 0 ? source.length : index;
}
