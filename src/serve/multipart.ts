// multipart/form-data of a body that has been read: RFC 2046, section 5.1, and RFC 7578. One parser for all runtimes, whose own differ: some
// refuse preambles, epilogues and names without quotes.
// Not here: what the parts are. Invariant: every part or an error; headers and the number of parts are bounded, bodies are views.
import { requestError } from './answer-error.ts';

/** A part of a form. */
export interface FormPart {
  readonly name: string;
  /** File name, for parts that have one. */
  readonly file?: string;
  /** Media type in lower case, without parameters, for parts that say it. */
  readonly type?: string;
  readonly bytes: Uint8Array;
}

const MAXIMUM_PARTS = 1024;
/** Bytes of the headers of a part. */
const MAXIMUM_HEADER_BYTES = 8192;
/** Of a boundary: RFC 2046, section 5.1.1. */
const MAXIMUM_BOUNDARY = 70;

const [LF, CR, SPACE, TAB, DASH] = [10, 13, 32, 9, 45];
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * Takes a form apart.
 *
 * @param bytes The whole body
 * @param contentType Its header, which names the boundary
 * @throws SelvedgeError `request/form`
 */
export function parseMultipart(bytes: Uint8Array, contentType: string): FormPart[] {
  const { boundary } = parametersOf(contentType.slice(contentType.indexOf(';') + 1));
  if (!boundary || boundary.length > MAXIMUM_BOUNDARY || !contentType.includes(';')) {
    throw formError(
      `expected a content-type with a boundary of 1 to ${MAXIMUM_BOUNDARY} characters, got "${contentType}"`,
    );
  }
  const delimiter = encoder.encode(`--${boundary}`);
  const parts: FormPart[] = [];
  let line = nextDelimiter(bytes, delimiter, 0);
  while (line && !line.isLast) {
    const end = nextDelimiter(bytes, delimiter, line.end);
    if (!end) break;
    if (parts.length === MAXIMUM_PARTS) throw formError(`expected at most ${MAXIMUM_PARTS} parts`);
    parts.push(partOf(bytes.subarray(line.end, Math.max(line.end, end.start)), parts.length));
    line = end;
  }
  if (!line) throw formError(`expected parts after lines of "--${boundary}", found no such line`);
  if (!line.isLast) throw formError(`expected a last line of "--${boundary}--": the body is cut`);
  return parts;
}

interface DelimiterLine {
  /** Where what is before it ends, and what is after it begins. */
  readonly start: number;
  readonly end: number;
  readonly isLast: boolean;
}

/** The next line that is the delimiter, with blanks after it. */
function nextDelimiter(bytes: Uint8Array, delimiter: Uint8Array, from: number): DelimiterLine | undefined {
  for (let at = bytes.indexOf(DASH!, from); at >= 0; at = bytes.indexOf(DASH!, at + 1)) {
    const isLineStart = at === 0 || at === from || bytes[at - 1] === LF;
    if (!isLineStart || !delimiter.every((byte, i) => bytes[at + i] === byte)) continue;
    let end = at + delimiter.length;
    const isLast = bytes[end] === DASH && bytes[end + 1] === DASH;
    if (isLast) end += 2;
    while (bytes[end] === SPACE || bytes[end] === TAB) end++;
    if (bytes[end] === CR && bytes[end + 1] === LF) end++;
    const isLine = bytes[end] === LF || (isLast && (end >= bytes.length || bytes[end] === CR));
    if (!isLine) continue;
    return { start: at - (bytes[at - 1] === LF ? (bytes[at - 2] === CR ? 2 : 1) : 0), end: end + 1, isLast };
  }
  return undefined;
}

function partOf(bytes: Uint8Array, index: number): FormPart {
  const headers = new Map<string, string>();
  let at = 0;
  let last = '';
  for (;;) {
    const end = bytes.indexOf(LF!, at);
    if (end < 0 || end > MAXIMUM_HEADER_BYTES) {
      const found = end < 0 ? 'no empty line' : 'longer ones';
      throw formError(`expected at most ${MAXIMUM_HEADER_BYTES} bytes of headers in part ${index}, found ${found}`);
    }
    const line = decoder.decode(bytes.subarray(at, bytes[end - 1] === CR && end > at ? end - 1 : end));
    at = end + 1;
    if (line === '') break;
    if (/^[ \t]/.test(line) && last !== '') {
      headers.set(last, `${headers.get(last)} ${line.trim()}`);
      continue;
    }
    const colon = line.indexOf(':');
    if (colon < 1) throw formError(`expected headers in part ${index}, got "${line.slice(0, 40)}"`);
    last = line.slice(0, colon).trim().toLowerCase();
    headers.set(last, line.slice(colon + 1).trim());
  }
  const disposition = headers.get('content-disposition') ?? '';
  const [kind] = disposition.split(';');
  const { name, ...rest } = parametersOf(disposition.slice(kind!.length + 1));
  if (kind!.trim().toLowerCase() !== 'form-data' || name === undefined) {
    throw formError(
      `expected "content-disposition: form-data" with a name in part ${index}, got "${disposition.slice(0, 80)}"`,
    );
  }
  const encoding = headers.get('content-transfer-encoding')?.toLowerCase() ?? 'binary';
  if (!['binary', '7bit', '8bit'].includes(encoding)) {
    throw formError(`expected part ${index} as it is, got one in ${encoding}`);
  }
  const file = extendedValue(rest['filename*']) ?? rest.filename;
  const type = (headers.get('content-type') ?? '').split(';')[0]!.trim().toLowerCase();
  return { name, ...(file === undefined ? {} : { file }), ...(type ? { type } : {}), bytes: bytes.subarray(at) };
}

/** `; name=value; name="value"`: names in lower case. A backslash escapes quotes and itself alone: file names of Windows have them. */
function parametersOf(text: string): Record<string, string | undefined> {
  const found: Record<string, string | undefined> = Object.create(null);
  for (const [, name, quoted, token] of text.matchAll(/([^\s=;"]+)\s*=\s*(?:"((?:\\["\\]|[^"])*)"|([^;"]*))/g)) {
    found[name!.toLowerCase()] ??= quoted === undefined ? token!.trim() : quoted.replace(/\\(["\\])/g, '$1');
  }
  return found;
}

/** `UTF-8''na%20me`: RFC 8187. Nothing for what is no such value. */
function extendedValue(text: string | undefined): string | undefined {
  const encoded = /^utf-8'[^']*'(.*)$/i.exec(text ?? '')?.[1];
  try {
    return encoded === undefined ? undefined : decodeURIComponent(encoded);
  } catch {
    return undefined;
  }
}

const formError = (what: string): Error => requestError('request/form', `Cannot read the body as a form: ${what}`);
