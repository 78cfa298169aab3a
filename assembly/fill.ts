// Sets all elements to one value. Numbers of four bytes, or booleans.
//
//   y     [bytes]
//   word  the value's bits, four times a byte for booleans
//
//   unit = bytesPerUnit bytes (a multiple of 16), of which the last unit may have fewer

@unmanaged
class FillArgs {
  y: u32;
  bytes: u32;
  bytesPerUnit: u32;
  word: u32;
}

export function fill(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<FillArgs>(args);
  const first = <u32>start * a.bytesPerUnit;
  const bytes = min(<u32>(end - start) * a.bytesPerUnit, a.bytes - first);
  let y = <usize>a.y + first;
  if (rotl(a.word, 8) == a.word) {
    memory.fill(y, <u8>a.word, bytes);
    return;
  }
  const words = i32x4.splat(a.word);
  const last = y + bytes;
  const blockEnd = y + (bytes & ~63);
  for (; y < blockEnd; y += 64) {
    v128.store(y, words);
    v128.store(y, words, 16);
    v128.store(y, words, 32);
    v128.store(y, words, 48);
  }
  for (; y + 4 <= last; y += 4) store<u32>(y, a.word);
  for (; y < last; y++) store<u8>(y, <u8>a.word);
}
