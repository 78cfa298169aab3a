// Reads a task's script into a tree: the grammar of the shell of `deno task` 2.9.5, its refusals among them.
// Not here: what variables, globs and commands come to (expand.ts, execute.ts).
// Invariant: what is refused is refused before anything runs, by SelvedgeError `tasks/shell-syntax` with Deno's own words.
import { SelvedgeError } from '../../core/errors.ts';
import { braceParts } from './braces.ts';

/** A piece of a word. */
export type Part =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'variable'; readonly name: string }
  | { readonly kind: 'home' }
  | { readonly kind: 'list'; readonly list: List }
  | { readonly kind: 'quoted'; readonly parts: Word }
  | { readonly kind: 'braces'; readonly words: readonly Word[] };

/** What becomes none, one or several arguments. */
export type Word = readonly Part[];

export interface Assignment {
  readonly name: string;
  readonly value: Word;
}

/** `>`, `>>`, `<`, with the descriptor in front of it; `both`: `&>`. */
export interface Redirect {
  readonly from?: number | 'both';
  readonly mode: 'write' | 'append' | 'read';
  /** A file, or the number after `>&`. */
  readonly to: Word | number;
}

export interface Command {
  /** Arguments with what is assigned before them, or a list between parentheses. */
  readonly body:
    | { readonly assignments: readonly Assignment[]; readonly words: readonly Word[] }
    | { readonly list: List };
  readonly redirect?: Redirect;
}

/** Commands joined by `|`; `withErrors`: by `|&`. */
export interface Pipeline {
  readonly kind: 'pipeline';
  readonly negated: boolean;
  readonly commands: readonly { readonly command: Command; readonly withErrors: boolean }[];
}

/** `first && next`, where `next` may go on. */
export interface Chain {
  readonly kind: 'chain';
  readonly first: Sequence;
  readonly operator: '&&' | '||';
  readonly next: Sequence;
}

export type Sequence = Pipeline | Chain | ({ readonly kind: 'assignment' } & Assignment);

/** Sequences, one after the other; those followed by `&` run beside the rest. */
export type List = readonly { readonly sequence: Sequence; readonly background: boolean }[];

const RESERVED = new Set('if then else elif fi do done case esac while until for in'.split(' '));
/** What a backslash takes the meaning from, outside and inside of double quotes; elsewhere it stands for itself. */
const ESCAPED = { bare: ' "$&();<>`|~', quoted: '"$\'()`~' };

/** White space that ends no line, and lines that go on after a backslash. */
const BLANK = /(?:[^\S\n\v\f\r]|\u0085|\\\r?\n)+/y;
/** The same with the ends of lines, before a sequence. */
const BLANK_LINES = /(?:[^\S\n\v\f\r]|\u0085|\\?\r?\n\s*)+/y;
/** All white space, as it may follow an operator: Deno takes no backslash there. */
const SPACE = /[\s\u0085]+/y;

/** Where the reading is; functions advance it. */
class Reader {
  at = 0;
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }

  fail(message: string, at = this.at): never {
    const rest = this.text.slice(at).split('\n')[0]!;
    throw new SelvedgeError('tasks/shell-syntax', `${message}\n  ${rest}\n  ~`);
  }
  get next(): string {
    return this.text[this.at] ?? '';
  }
  has(sign: string): boolean {
    return this.text.startsWith(sign, this.at);
  }
  take(sign: string): boolean {
    if (!this.has(sign)) return false;
    this.at += sign.length;
    return true;
  }
  sees(pattern: RegExp): boolean {
    pattern.lastIndex = this.at;
    return pattern.test(this.text);
  }
  match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0];
    if (found !== undefined) this.at += found.length;
    return found;
  }
  /** White space between words, where a backslash takes a line on to the next, and a comment after it. */
  skip(space = BLANK): void {
    const isStart = this.at === 0 || /[\s;&|()]/.test(this.text[this.at - 1]!);
    const had = this.match(space) !== undefined;
    if ((had || isStart) && this.match(/#[^\n]*/y) !== undefined) this.skip(space);
  }
}

/**
 * Parses a script.
 *
 * @param script The command of a task
 * @returns Its sequences, at least one
 * @throws SelvedgeError `tasks/shell-syntax`
 * @see https://github.com/denoland/deno_task_shell
 */
export function parseScript(script: string): List {
  const reader = new Reader(script.replace(/^[\s\u0085]+|[\s\u0085]+$/g, ''));
  const list = parseList(reader);
  if (reader.next !== '') reader.fail('Unexpected character.');
  if (list.length === 0) throw new SelvedgeError('tasks/shell-syntax', 'Empty command.');
  return list;
}

/** Deno asks for no sign between sequences: `(a) b` are two. */
function parseList(reader: Reader): List {
  const list: { sequence: Sequence; background: boolean }[] = [];
  reader.skip(SPACE);
  for (;;) {
    reader.skip(BLANK_LINES);
    const sequence = parseSequence(reader);
    if (sequence === undefined) return list;
    reader.skip();
    const background = reader.match(/&(?![|&])/y) !== undefined;
    list.push({ sequence, background });
    if (!background) reader.match(/;/y);
  }
}

function parseSequence(reader: Reader): Sequence | undefined {
  const first = parseAssignmentAlone(reader) ?? parsePipeline(reader);
  if (first === undefined) return undefined;
  reader.skip();
  const operator = reader.match(/(?:&&|\|\|)(?![|&])/y) as '&&' | '||' | undefined;
  if (operator === undefined) return first;
  reader.skip(SPACE);
  const next = parseSequence(reader);
  if (next === undefined) return reader.fail('Expected command following boolean operator.');
  return { kind: 'chain', first, operator, next };
}

function parseAssignments(reader: Reader): Assignment[] {
  const assignments: Assignment[] = [];
  for (;;) {
    const name = reader.match(/[A-Za-z0-9_]+=/y)?.slice(0, -1);
    if (name === undefined) return assignments;
    assignments.push({ name, value: parseWord(reader) ?? [] });
    assertEnd(reader);
    reader.skip();
  }
}

function parseAssignmentAlone(reader: Reader): Sequence | undefined {
  const start = reader.at;
  const assignments = parseAssignments(reader);
  if (assignments.length > 0 && isEndOfWords(reader)) {
    if (assignments.length === 1) return { kind: 'assignment', ...assignments[0]! };
    reader.fail('Cannot set multiple environment variables when there is no following command.', start);
  }
  reader.at = start;
  return undefined;
}

function parsePipeline(reader: Reader): Pipeline | undefined {
  const negated = reader.match(/!\s+(?=\S)/y) !== undefined;
  const commands: { command: Command; withErrors: boolean }[] = [];
  for (;;) {
    const command = parseCommand(reader);
    if (command === undefined) {
      if (commands.length > 0) reader.fail('Expected command following pipeline operator.');
      return undefined;
    }
    const sign = reader.match(/\|&?(?![|&])/y);
    commands.push({ command, withErrors: sign === '|&' });
    if (sign === undefined) return { kind: 'pipeline', negated, commands };
    reader.skip(SPACE);
  }
}

function parseCommand(reader: Reader): Command | undefined {
  const start = reader.at;
  let body: Command['body'];
  if (reader.take('(')) {
    const list = parseList(reader);
    if (!reader.take(')')) reader.fail('Expected closing parenthesis on subshell.', start);
    body = { list };
  } else {
    const assignments = parseAssignments(reader);
    const words: Word[] = [];
    while (!isEndOfWords(reader)) {
      const wordStart = reader.at;
      const word = parseWord(reader);
      if (word === undefined) break;
      if (words.length === 0) refuseReserved(reader, word, wordStart);
      words.push(word);
      assertEnd(reader);
      reader.skip();
    }
    if (words.length === 0) {
      reader.at = start;
      return undefined;
    }
    body = { assignments, words };
  }
  reader.skip();
  const before = reader.at;
  const redirect = parseRedirect(reader);
  if (redirect === undefined) return { body };
  reader.skip();
  // Behind the number of a descriptor a comment needs no space.
  reader.match(/#[^\n]*/y);
  if (parseRedirect(reader) !== undefined) reader.fail('Multiple redirects are currently not supported.', before);
  return { body, redirect };
}

function refuseReserved(reader: Reader, word: Word, at: number): void {
  const [part] = word;
  if (word.length === 1 && part!.kind === 'text' && RESERVED.has(part!.text))
    reader.fail('Unsupported reserved word.', at);
}

/** Whether a list sign, a pipe, a redirect or `)` stands here, or nothing. */
const isEndOfWords = (reader: Reader): boolean => /(?:[;()|&]|\r?\n|\d*[<>]|$)/y.test(reader.text.slice(reader.at));

function assertEnd(reader: Reader): void {
  if (!/^(?:[\s\u0085]|[;&|()]|$)/.test(reader.next)) reader.fail('Unexpected character.');
}

function parseRedirect(reader: Reader): Redirect | undefined {
  const start = reader.at;
  const [, digits, sign] = /^(\d+|&)?(>>|>\||>|<)$/.exec(reader.match(/(?:\d+|&)?(?:>>|>\||>|<)/y) ?? '') ?? [];
  if (sign === undefined) return undefined;
  const from = digits === undefined ? {} : { from: digits === '&' ? ('both' as const) : Number(digits) };
  const mode = sign === '<' ? 'read' : sign === '>>' ? 'append' : 'write';
  const descriptor = reader.match(/&\d+/y);
  if (descriptor !== undefined) return { ...from, mode, to: Number(descriptor.slice(1)) };
  reader.skip();
  const to = parseWord(reader);
  return to === undefined ? reader.fail('Expected redirect path.', start) : { ...from, mode, to };
}

/** A word, undefined where none begins. */
function parseWord(reader: Reader, inBraces = false): Word | undefined {
  const parts: Part[] = [];
  // A `~` is the home folder at the start, and behind quotes that begin the word, outside of braces.
  let isStart = true;
  for (;;) {
    const from = reader.at;
    if (inBraces && from > 0) isStart = false;
    if (reader.next === "'") parts.push({ kind: 'quoted', parts: [text(parseSingle(reader))] });
    else if (reader.take('"')) {
      parts.push({ kind: 'quoted', parts: parseParts(reader, 'quoted') });
      if (!reader.take('"')) reader.fail('Expected closing double quote.', from);
    } else {
      parts.push(...parseParts(reader, 'bare', isStart));
      isStart = false;
      if (reader.at === from) return parts.length === 0 ? undefined : parts;
    }
  }
}

const text = (value: string): Part => ({ kind: 'text', text: value });

function parseSingle(reader: Reader): string {
  const quoted = reader.match(/'[^']*'/y);
  return quoted === undefined ? reader.fail('Expected closing single quote.') : quoted.slice(1, -1);
}

function parseParts(reader: Reader, mode: 'bare' | 'quoted', isStart = true): Part[] {
  const parts: Part[] = [];
  // Where a `~` is the home folder; between quotes, behind `$(…)` too.
  let start = reader.at;
  const push = (piece: string): void => {
    const last = parts.at(-1);
    if (last?.kind === 'text') parts[parts.length - 1] = text(last.text + piece);
    else parts.push(text(piece));
  };
  for (;;) {
    if (isStart && reader.at === start && reader.take('~')) {
      const ends = mode === 'quoted' ? /["/`]|\$\(|$/y : /[\s\u0085/;&|()]|$/y;
      if (!reader.sees(ends)) reader.fail('Unsupported tilde expansion.', start);
      parts.push({ kind: 'home' });
      continue;
    }
    const part = parseDollar(reader, mode);
    if (part !== undefined) {
      if (part.kind === 'text') push(part.text);
      else parts.push(part);
      if (mode === 'quoted' && part.kind === 'list') start = reader.at;
      continue;
    }
    const sign = reader.next;
    if (sign === '\\' && isEscape(reader, mode)) {
      push(reader.text[reader.at + 1]!);
      reader.at += 2;
      continue;
    }
    if (reader.match(/\\\r?\n/y) !== undefined) continue;
    if (mode === 'bare' && sign === '{') {
      const words = braceParts(
        reader.text,
        reader.at,
        (source) => {
          const inner = new Reader(source);
          const word = parseWord(inner, true) ?? [];
          return inner.next === '' ? word : undefined;
        },
        (sign) => [text(sign)],
      );
      if (words !== undefined) {
        parts.push({ kind: 'braces', words: words.words });
        reader.at = words.end;
        continue;
      }
    }
    const ends = mode === 'quoted' ? sign === '' || sign === '"' : sign === '' || /[\s\u0085()<>|&;"']/.test(sign);
    if (ends) return parts;
    push(sign);
    reader.at++;
  }
}

/** Behind a backslash, one takes the meaning from no operator. */
function isEscape({ text: source, at }: Reader, mode: 'bare' | 'quoted'): boolean {
  const sign = source[at + 1] ?? '\0';
  return ESCAPED[mode].includes(sign) && !('&;<>|'.includes(sign) && source[at - 1] === '\\');
}

/** What begins with `$` or a backtick. */
function parseDollar(reader: Reader, mode: 'bare' | 'quoted'): Part | undefined {
  const start = reader.at;
  if (reader.take('`')) {
    const inner = reader.match(/(?:\\`|[^`])*/y)!;
    if (!reader.take('`')) reader.fail('Expected closing backtick.', start);
    const nested = new Reader(inner.replace(/\\`/g, '`'));
    const list = parseList(nested);
    if (nested.next !== '') nested.fail('Unexpected character.');
    return { kind: 'list', list };
  }
  if (!reader.take('$')) return undefined;
  if (reader.take('(')) {
    const list = parseList(reader);
    reader.skip();
    if (!reader.take(')')) reader.fail('Expected closing parenthesis for command substitution.', start);
    return { kind: 'list', list };
  }
  // Between quotes, Deno finds `$(…)` first.
  if (mode === 'quoted' && reader.has('$(')) return text('$');
  if (/^[$#*]/.test(reader.next)) reader.fail(`$${reader.next} is currently not supported.`);
  const name = reader.match(/\?|[A-Za-z0-9_]+/y);
  return name === undefined ? text('$') : { kind: 'variable', name };
}
