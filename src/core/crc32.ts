// The checksum of gzip and of PNG. Not a digest: it finds damage, not forgery.

/** One byte's part of it, for each byte: polynomial 0xEDB88320, RFC 1952, section 8. */
const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

/**
 * CRC-32 of bytes, as in gzip (RFC 1952) and PNG (annex D).
 *
 * @returns From 0 to 2^32 - 1
 */
export function crc32(bytes: ArrayLike<number>): number {
  let crc = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) crc = (crc >>> 8) ^ table[(crc ^ bytes[i]!) & 255]!;
  return (crc ^ 0xffffffff) >>> 0;
}
