// Text files of any length, a piece of whole lines at a time. Not here: what a line means.
// Invariant: pieces joined are the file; memory is that of a piece; what is no UTF-8 is an error that names the file.
import { SelvedgeError } from '../../core/errors.ts';
import { platform } from '../../platform/index.ts';

/** Bytes that are read at once. */
const PIECE_BYTES = 1 << 20;
/** A line longer than this is none. */
const MAXIMUM_LINE = 1 << 26;

/**
 * Reads the bytes of a file in order, a piece at a time; whole where a runtime has no ranges.
 *
 * @param path Of the file
 * @param pieceBytes At most so many at once
 */
export async function* bytesOfFile(path: string, pieceBytes = PIECE_BYTES): AsyncGenerator<Uint8Array> {
  const { files } = platform;
  if (!files.readRange) {
    yield await files.readBytes(path);
    return;
  }
  for (let at = 0; ; ) {
    const piece = await files.readRange(path, at, pieceBytes);
    if (piece.length > 0) yield piece;
    if (piece.length < pieceBytes) return;
    at += piece.length;
  }
}

/**
 * The text of a file in pieces that end with a line break, but for the last.
 *
 * @param path Of the file
 * @param isQuoted Whether a line break between double quotes ends no line, as in CSV
 * @throws SelvedgeError `table/encoding`, `table/malformed` for a line without an end
 */
export async function* linesOfFile(path: string, isQuoted: boolean): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let rest = '';
  /** Places of `rest` that were looked at. */
  const decode = (bytes?: Uint8Array): string => {
    try {
      return decoder.decode(bytes, { stream: bytes !== undefined });
    } catch (cause) {
      const message = `Cannot read "${path}": expected text in UTF-8, got other bytes`;
      throw new SelvedgeError('table/encoding', message, { cause });
    }
  };
  for await (const bytes of bytesOfFile(path)) {
    rest += decode(bytes);
    const end = isQuoted ? lastUnquotedBreak(rest) : rest.lastIndexOf('\n');
    if (end >= 0) {
      yield rest.slice(0, end + 1);
      rest = rest.slice(end + 1);
    } else if (rest.length > MAXIMUM_LINE) {
      throw new SelvedgeError(
        'table/malformed',
        `Cannot read "${path}": expected lines, got one of more than ${MAXIMUM_LINE} characters${isQuoted ? ', or a quote that is never closed' : ''}`,
      );
    }
  }
  rest += decode();
  if (rest !== '') yield rest;
}

/** The last line break that an even number of quotes comes before. */
function lastUnquotedBreak(text: string): number {
  let last = -1;
  let isOpen = false;
  for (let at = 0; ; ) {
    const quote = text.indexOf('"', at);
    if (!isOpen) {
      const before = quote < 0 ? text.lastIndexOf('\n') : text.lastIndexOf('\n', quote);
      if (before >= at) last = before;
    }
    if (quote < 0) return last;
    isOpen = !isOpen;
    at = quote + 1;
  }
}
