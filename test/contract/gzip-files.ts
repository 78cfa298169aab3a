// Gzip files made by hand, and what each holds: members, headers, padding and damage. Not here: who reads them.
// Source: RFC 1952, section 2; `content` is undefined where a file is none.
import { concatenate } from '../../src/core/concatenate.ts';
import { crc32 } from '../../src/core/crc32.ts';

export interface GzipFile {
  readonly title: string;
  readonly bytes: Uint8Array;
  readonly content: Uint8Array | undefined;
}

interface Header {
  readonly isText?: boolean;
  /** Adds FHCRC, which is changed by this. */
  readonly checksumChange?: number;
  readonly extra?: readonly number[];
  readonly name?: string;
  readonly comment?: string;
  /** Bits that the format reserves. */
  readonly reserved?: number;
  readonly method?: number;
}

const littleEndian = (value: number, bytes: number): number[] =>
  Array.from({ length: bytes }, (_, i) => Math.floor(value / 2 ** (8 * i)) & 255);

const zeroEnded = (text: string): number[] => [...new TextEncoder().encode(text), 0];

function headerOf({ isText, checksumChange, extra, name, comment, reserved = 0, method = 8 }: Header): number[] {
  const given = [isText, checksumChange !== undefined, extra, name, comment];
  const flags = given.reduce<number>((sum, part, i) => sum + (part ? 1 << i : 0), reserved);
  const header = [0x1f, 0x8b, method, flags, 1, 2, 3, 4, 0, 255];
  if (extra) header.push(...littleEndian(extra.length, 2), ...extra);
  if (name) header.push(...zeroEnded(name));
  if (comment) header.push(...zeroEnded(comment));
  if (checksumChange !== undefined) header.push(...littleEndian((crc32(header) ^ checksumChange) & 0xffff, 2));
  return header;
}

/** Stored blocks of at most this many bytes. */
const BLOCK = 1000;

/** A whole member, its content stored. */
export function memberOf(content: Uint8Array, header: Header = {}): Uint8Array {
  const blocks: Uint8Array[] = [];
  for (let at = 0; at === 0 || at < content.length; at += BLOCK) {
    const block = content.subarray(at, at + BLOCK);
    const isLast = at + BLOCK >= content.length;
    const sizes = [...littleEndian(block.length, 2), ...littleEndian(block.length ^ 0xffff, 2)];
    blocks.push(Uint8Array.of(isLast ? 1 : 0, ...sizes), block);
  }
  const end = [...littleEndian(crc32(content), 4), ...littleEndian(content.length, 4)];
  return concatenate([Uint8Array.from(headerOf(header)), ...blocks, Uint8Array.from(end)]);
}

const text = (words: string): Uint8Array => new TextEncoder().encode(words);
const [warp, weft] = [text('warp threads'), text('weft')];
const [a, b, none] = [memberOf(warp), memberOf(weft), memberOf(new Uint8Array(0))];
/** Longer than its blocks, and than the window. */
const long = Uint8Array.from({ length: 70_000 }, (_, i) => (i * i) >>> 3);
/** Letters that zlib packs by Huffman codes of their own, and what it makes of them. */
const letters = Uint8Array.from({ length: 200 }, (_, i) => 97 + (((((i * i) >> 3) % 7) * ((i % 5) & 3)) % 13));
const LETTERS_GZIPPED =
  '1f8b0800000000000203a5ce410a03310c43d1b3bed8894986dc7f5bdcce0daa9540e84b48e64dc6c68ca0f6f1d398875181c2aa24' +
  '67be69eec58a8bdd807b19df248a8ac3d480a75dd55b8bbae4d328ed62d1b3fef8f201a051ab37c8000000';

const zeros = (count: number): Uint8Array => new Uint8Array(count);
const changed = (bytes: Uint8Array, fromEnd: number): Uint8Array =>
  bytes.map((byte, i) => (i === bytes.length - fromEnd ? byte ^ 1 : byte));
const hex = (digits: string): Uint8Array =>
  Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
const everything = { isText: true, checksumChange: 0, extra: [65, 66, 2, 0, 9, 0], name: 'a.idx', comment: 'by hand' };

type Row = readonly [title: string, parts: readonly Uint8Array[], content?: readonly Uint8Array[]];

const sound: readonly Row[] = [
  ['one member', [a], [warp]],
  ['two equal members', [a, a], [warp, warp]],
  ['two different members', [a, b], [warp, weft]],
  ['members around an empty one', [a, none, b], [warp, weft]],
  ['nothing but empty members', [none, none], []],
  ['many blocks', [memberOf(long), b], [long, weft]],
  ['compressed blocks', [hex(LETTERS_GZIPPED), a], [letters, warp]],
  ['one zero after it', [a, zeros(1)], [warp]],
  ['a hundred zeros after it', [a, zeros(100)], [warp]],
  ['zeros after two members', [a, b, zeros(512)], [warp, weft]],
  ['a name', [memberOf(warp, { name: 'a.idx' }), b], [warp, weft]],
  ['a comment', [memberOf(warp, { comment: 'by hand' }), b], [warp, weft]],
  ['an extra field', [memberOf(warp, { extra: everything.extra }), b], [warp, weft]],
  ['an empty extra field', [memberOf(warp, { extra: [] }), b], [warp, weft]],
  ['a checksum of its header', [memberOf(warp, { checksumChange: 0 }), b], [warp, weft]],
  ['the mark of a text', [memberOf(warp, { isText: true })], [warp]],
  [
    'every field of the header, in both members',
    [a, b].map((_, i) => memberOf(i ? weft : warp, everything)),
    [warp, weft],
  ],
];

const unsound: readonly Row[] = [
  ['nothing', []],
  ['zeros alone', [zeros(100)]],
  ['text after it', [a, text('junk')]],
  ['half an identification after it', [a, Uint8Array.of(0x1f)]],
  ['its own trailer again', [a, a.subarray(-8)]],
  ['text after zeros', [a, zeros(3), text('junk')]],
  ['an equal member after zeros', [a, zeros(3), a]],
  ['another member after zeros', [a, zeros(1), b]],
  ['zeros before it', [zeros(4), a]],
  ['a wrong checksum', [changed(a, 6)]],
  ['a wrong checksum in the first of two', [changed(a, 6), b]],
  ['a wrong checksum in the second of two', [a, changed(b, 6)]],
  ['a wrong length', [changed(a, 4)]],
  ['a length wrong in its highest bits', [changed(a, 1)]],
  ['a wrong length in the first of two', [changed(a, 2), b]],
  ['changed content', [changed(a, 10)]],
  ['a wrong checksum of the header', [memberOf(warp, { ...everything, checksumChange: 1 })]],
  ['a wrong checksum of the second header', [a, memberOf(weft, { checksumChange: 0x8000 })]],
  ['a reserved flag', [memberOf(warp, { reserved: 0x20 })]],
  ['another method', [memberOf(warp, { method: 7 })]],
  ['a name without an end', [Uint8Array.of(0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 255, ...warp)]],
];

/** Where two members are cut: everywhere but between them, and at their end. */
const cuts: readonly Row[] = Array.from({ length: a.length + b.length }, (_, end) => end)
  .filter((end) => end !== a.length)
  .map((end) => [`two members cut to ${end} bytes`, [concatenate([a, b]).subarray(0, end)]]);

export const gzipFiles: readonly GzipFile[] = [...sound, ...unsound, ...cuts].map(([title, parts, content]) => ({
  title,
  bytes: concatenate(parts),
  content: content && concatenate(content),
}));
