// What a WebP file says of itself before anything is decoded. Not here: pixels. Source: RFC 9649, section 2.
// Invariant: reading it takes memory and time in proportion to the file, not to what the file claims.
import type { ImageSize, ImageStructure, StructureRules } from './image-structure.ts';

const HEADER_BYTES = 12;
/** Of the flags of an extended file. */
const ANIMATION = 0x02;

/** Walks the chunks up to the one of the pixels, whose size is the canvas's. */
export function readWebp(bytes: Uint8Array, { refuse }: StructureRules): ImageStructure {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const truncated = () => refuse('truncated', `expected a whole WebP, got only ${bytes.length} bytes`);
  if (bytes.length < HEADER_BYTES + 8) throw truncated();
  const end = view.getUint32(4, true) + 8;
  if (end > bytes.length) throw truncated();
  let canvas: ImageSize | undefined;
  for (let at = HEADER_BYTES; at + 8 <= end; ) {
    const type = String.fromCharCode(...bytes.subarray(at, at + 4));
    const length = view.getUint32(at + 4, true);
    const content = bytes.subarray(at + 8, Math.min(end, at + 8 + length));
    if (content.length < length) throw truncated();
    if (type === 'VP8X') {
      if (content.length < 10) throw refuse('corrupt', 'expected an extended WebP to have 10 bytes of header');
      if ((content[0]! & ANIMATION) !== 0) {
        throw refuse('unknown-format', 'expected a picture that stands still, got an animated WebP');
      }
      canvas = { width: 1 + uint24(content, 4), height: 1 + uint24(content, 7) };
    }
    if (type === 'VP8 ' || type === 'VP8L') {
      const size = type === 'VP8 ' ? lossySize(content) : losslessSize(content);
      if (size === undefined)
        throw refuse('corrupt', `expected the WebP's ${type.trim()} data to begin with its header`);
      const { width, height } = size;
      if (canvas && (canvas.width !== width || canvas.height !== height)) {
        throw refuse(
          'corrupt',
          `expected pixels of the WebP's ${canvas.width} x ${canvas.height}, got ${width} x ${height}`,
        );
      }
      // Each pixel is decoded once, whatever the file says.
      return { format: 'webp', width, height, bytes: bytes.subarray(0, end), isEnded: true, checkWork: () => {} };
    }
    at += 8 + length + (length & 1);
  }
  throw refuse('corrupt', 'expected a WebP that holds a picture');
}

const uint24 = (bytes: Uint8Array, at: number): number => bytes[at]! + bytes[at + 1]! * 256 + bytes[at + 2]! * 65536;

/** Of a key frame of VP8: three bytes of its tag, three of its mark, two of each side. Source: RFC 6386, section 9.1. */
function lossySize(content: Uint8Array): ImageSize | undefined {
  if (content.length < 10 || content[3] !== 0x9d || content[4] !== 0x01 || content[5] !== 0x2a) return undefined;
  const side = (at: number): number => (content[at]! + content[at + 1]! * 256) & 0x3fff;
  return { width: side(6), height: side(8) };
}

/** A mark and 14 bits of each side. Source: RFC 9649, section 3.4. */
function losslessSize(content: Uint8Array): ImageSize | undefined {
  if (content.length < 5 || content[0] !== 0x2f) return undefined;
  const bits = uint24(content, 1) + content[4]! * 0x1000000;
  return { width: 1 + (bits & 0x3fff), height: 1 + ((bits >>> 14) & 0x3fff) };
}
