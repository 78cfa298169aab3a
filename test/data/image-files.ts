// PNG files of any kind, written by hand, and JPEG files, for the image tests. Not a test.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { deflateSync } from 'node:zlib';
import encodeJpeg, { init } from '@jsquash/jpeg/encode.js';
import type { RawImage } from '../../src/data/image-decoder.ts';

function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

/** One PNG chunk with its length and checksum. */
export function pngChunk(type: string, content: Uint8Array): Uint8Array {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), content]);
  const bytes = Buffer.alloc(body.length + 8);
  bytes.writeUInt32BE(content.length, 0);
  body.copy(bytes, 4);
  bytes.writeUInt32BE(crc32(body), bytes.length - 4);
  return bytes;
}

export interface PngKind {
  readonly width: number;
  readonly height: number;
  /** 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGBA. */
  readonly colourType: number;
  readonly bitDepth: number;
  /** Bytes of all rows, without the filter bytes. */
  readonly rows: Uint8Array;
  readonly palette?: Uint8Array;
  readonly isInterlaced?: boolean;
  /** In place of the rows with their filter bytes, compressed. */
  readonly compressed?: Uint8Array;
  /** Whole chunks after the header. */
  readonly chunks?: readonly Uint8Array[];
}

/** A PNG file of the kind asked for. */
export function pngFile(kind: PngKind): Uint8Array {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(kind.width, 0);
  header.writeUInt32BE(kind.height, 4);
  header.set([kind.bitDepth, kind.colourType, 0, 0, kind.isInterlaced ? 1 : 0], 8);
  const rowBytes = kind.height === 0 ? 0 : kind.rows.length / kind.height;
  const filtered = Buffer.alloc(kind.rows.length + kind.height);
  for (let y = 0; y < kind.height; y++) {
    filtered.set(kind.rows.subarray(y * rowBytes, (y + 1) * rowBytes), y * (rowBytes + 1) + 1);
  }
  const parts = [
    Buffer.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a),
    pngChunk('IHDR', header),
    ...(kind.chunks ?? []),
  ];
  if (kind.palette) parts.push(pngChunk('PLTE', kind.palette));
  parts.push(pngChunk('IDAT', kind.compressed ?? deflateSync(filtered)), pngChunk('IEND', Buffer.alloc(0)));
  return new Uint8Array(Buffer.concat(parts));
}

/** An RGBA picture as a PNG file. */
export function rgbaPng(image: RawImage): Uint8Array {
  const { width, height, data } = image;
  return pngFile({ width, height, colourType: 6, bitDepth: 8, rows: new Uint8Array(data) });
}

/** An RGBA picture as a JPEG file of high quality. */
export async function jpegFile(image: RawImage): Promise<Uint8Array> {
  const path = fileURLToPath(import.meta.resolve('@jsquash/jpeg/codec/enc/mozjpeg_enc.wasm'));
  const module = new WebAssembly.Module(readFileSync(path));
  await init({
    instantiateWasm: (imports: WebAssembly.Imports, done: (instance: WebAssembly.Instance) => void) => {
      const instance = new WebAssembly.Instance(module, imports);
      done(instance);
      return instance.exports;
    },
  });
  const picture = { ...image, data: new Uint8ClampedArray(image.data), colorSpace: 'srgb' } as unknown as ImageData;
  return new Uint8Array(await encodeJpeg(picture, { quality: 95 }));
}
