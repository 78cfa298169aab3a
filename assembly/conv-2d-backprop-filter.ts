// Gradient of a convolution's filter, NHWC: products of shifted inputs with dY, summed over the pixels of the batch.
//
//   x         f32 [batch, inHeight, inWidth, inChannels]      (already padded)
//   dy        f32 [batch, outHeight, outWidth, outChannels]
//   partials  f32 [chunk][filterHeight * filterWidth * inChannels][outChannels]
//
//   rows of the result fall into `runs` runs of `run` rows whose inputs lie side by side in x (a filter row; a single tap where
//   columns are dilated); tiles of up to 4 rows x 8 output channels walk over the pixels.
//
//   unit = a chunk of the blocks of pixels x tilesPerUnit tiles of rows. A block is imagesPerBlock images, or linesPerBlock lines of
//   one; its sums start at zero and are added to the chunk's. Blocks and chunks follow from the shape alone, and sumPartials adds
//   chunks in order: the bits are the same for any number of threads.
import { maxPoolGradImage } from './max-pool-grad';
import { loadColumns, zeroFloats } from './simd/columns';
import { HIGHEST, LOWEST } from './simd/multiply';
import { multiplyColumns, multiplyColumnsByTable } from './simd/multiply-columns';
import { PoolArgs } from './window';

@unmanaged
class Conv2DBackpropFilterArgs {
  x: u32;
  dy: u32;
  partials: u32;
  partialBytes: u32;
  chunks: i32;
  tilesPerUnit: i32;
  batch: i32;
  imagesPerBlock: i32;
  linesPerBlock: i32;
  outHeight: i32;
  outWidth: i32;
  outChannels: i32;
  imageBytes: u32;
  strideRowBytes: u32;
  strideColumnBytes: u32;
  runsY: i32;
  runsX: i32;
  run: i32;
  /** Bytes between the inputs of filter rows, and of filter columns. */
  runYBytes: u32;
  runXBytes: u32;
  /** Pixels of a block whose offsets are kept in a table, because lines are short; or 0. */
  offsetTable: i32;
  /** Not 0: lay eight columns of dY side by side before they are read. Needed where the last panel is not full. */
  gathers: i32;
}

/** Byte offsets of a block's pixels in x. */
function fillOffsets(a: Conv2DBackpropFilterArgs, table: usize, images: i32, lines: i32): void {
  for (let image = 0; image < images; image++) {
    for (let line = 0; line < lines; line++) {
      let at = (<u32>image) * a.imageBytes + (<u32>line) * a.strideRowBytes;
      for (let x = 0; x < a.outWidth; x++, table += 4, at += a.strideColumnBytes) store<u32>(table, at);
    }
  }
}

/** Eight columns of dY's pixels, zero beyond the last channel, side by side. */
function gatherColumns(to: usize, from: usize, pitch: usize, pixels: i32, columns: i32): void {
  const end = to + ((<usize>pixels) << 5);
  for (; to < end; to += 32, from += pitch) {
    v128.store(to, loadColumns(from, columns));
    v128.store(to, loadColumns(from + 16, columns - 4), 16);
  }
}

/** Adds one block of pixels to tiles [firstTile, lastTile) of a chunk's sums. */
function addBlock(
  a: Conv2DBackpropFilterArgs,
  partial: usize,
  firstTile: i32,
  lastTile: i32,
  x: usize,
  dy: usize,
  images: i32,
  lines: i32,
  isFirst: bool,
  scratch: usize,
): void {
  const zeros = scratch;
  const pixels = images * lines * a.outWidth;
  const offsets = a.offsetTable != 0 ? scratch + 64 : 0;
  const gathered = scratch + 64 + ((<usize>a.offsetTable) << 2);
  if (offsets != 0) fillOffsets(a, offsets, images, lines);
  const pitch = (<usize>a.outChannels) << 2;
  const tilesPerRun = (a.run + 3) >> 2;
  const lineJump = <usize>a.strideRowBytes - (<usize>a.outWidth) * a.strideColumnBytes;
  const imageJump = <usize>a.imageBytes - (<usize>lines) * a.strideRowBytes;
  for (let column = 0; column < a.outChannels; column += 8) {
    const columns = min(8, a.outChannels - column);
    let b = dy + ((<usize>column) << 2);
    let bStep = pitch;
    if (a.gathers != 0) {
      gatherColumns(gathered, b, pitch, pixels, columns);
      b = gathered;
      bStep = 32;
    }
    for (let tile = firstTile; tile < lastTile; tile++) {
      const runIndex = tile / tilesPerRun;
      const first = (tile - runIndex * tilesPerRun) << 2;
      const runY = runIndex / a.runsX;
      const from =
        x + (<usize>runY) * a.runYBytes + (<usize>(runIndex - runY * a.runsX)) * a.runXBytes + ((<usize>first) << 2);
      const to = partial + (<usize>(runIndex * a.run + first)) * pitch + ((<usize>column) << 2);
      const rows = min(4, a.run - first);
      if (offsets != 0) {
        multiplyColumnsByTable(
          rows, offsets, from, b, pixels, bStep, zeros, to, pitch, columns, !isFirst, LOWEST, HIGHEST,
        );
      } else {
        multiplyColumns(
          rows, from, b, images, lines, a.outWidth, a.strideColumnBytes, lineJump, imageJump, bStep, zeros, to, pitch,
          columns, !isFirst, LOWEST, HIGHEST,
        );
      }
    }
  }
}

export function conv2dBackpropFilter(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<Conv2DBackpropFilterArgs>(args);
  const tiles = a.runsY * a.runsX * ((a.run + 3) >> 2);
  const tileBlocks = (tiles + a.tilesPerUnit - 1) / a.tilesPerUnit;
  const lineBlocks = (a.outHeight + a.linesPerBlock - 1) / a.linesPerBlock;
  const imageBlocks = (a.batch + a.imagesPerBlock - 1) / a.imagesPerBlock;
  const blocks = imageBlocks * lineBlocks;
  const linePitch = ((<usize>a.outWidth) * <usize>a.outChannels) << 2;
  zeroFloats(scratch, 32);
  for (let unit = start; unit < end; unit++) {
    const chunk = unit / tileBlocks;
    const firstTile = (unit - chunk * tileBlocks) * a.tilesPerUnit;
    const lastTile = min(firstTile + a.tilesPerUnit, tiles);
    const firstBlock = <i32>((<i64>chunk * blocks) / a.chunks);
    const lastBlock = <i32>((<i64>(chunk + 1) * blocks) / a.chunks);
    const partial = <usize>a.partials + (<usize>chunk) * a.partialBytes;
    for (let block = firstBlock; block < lastBlock; block++) {
      const imageBlock = block / lineBlocks;
      const image = imageBlock * a.imagesPerBlock;
      const images = min(a.imagesPerBlock, a.batch - image);
      const line = (block - imageBlock * lineBlocks) * a.linesPerBlock;
      const lines = min(a.linesPerBlock, a.outHeight - line);
      const x = <usize>a.x + (<usize>image) * a.imageBytes + (<usize>line) * a.strideRowBytes;
      const dy = <usize>a.dy + (<usize>(image * a.outHeight + line)) * linePitch;
      addBlock(a, partial, firstTile, lastTile, x, dy, images, lines, block == firstBlock, scratch);
    }
  }
}

/** Where the arguments of the pooling are, after those of the convolution. */
const POOL_ARGS: usize = offsetof<Conv2DBackpropFilterArgs>();

/**
 * The same where dY is the gradient of a max pooling, several times larger than what it is made of: it is made image by image in
 * scratch. Blocks are lines of one image; a unit is a chunk, with all tiles.
 */
export function conv2dBackpropFilterOfMaxPool(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<Conv2DBackpropFilterArgs>(args);
  const pool = changetype<PoolArgs>(args + POOL_ARGS);
  const tiles = a.runsY * a.runsX * ((a.run + 3) >> 2);
  const linePitch = ((<usize>a.outWidth) * <usize>a.outChannels) << 2;
  const pixelBytes = (<usize>a.outChannels) << 2;
  const pooledBytes = <usize>(pool.outHeight * pool.outWidth) * pixelBytes;
  const imageBytes = <usize>a.outHeight * linePitch;
  const dy = scratch;
  const sums = scratch + ((imageBytes + 63) & ~63);
  zeroFloats(sums, 32);
  for (let chunk = start; chunk < end; chunk++) {
    const first = <i32>((<i64>chunk * a.batch) / a.chunks);
    const last = <i32>((<i64>(chunk + 1) * a.batch) / a.chunks);
    const partial = <usize>a.partials + (<usize>chunk) * a.partialBytes;
    for (let image = first; image < last; image++) {
      const y = <usize>pool.x + <usize>image * imageBytes;
      maxPoolGradImage(pool, y, <usize>pool.y + <usize>image * pooledBytes, dy, pixelBytes);
      for (let line = 0; line < a.outHeight; line += a.linesPerBlock) {
        const x = <usize>a.x + (<usize>image) * a.imageBytes + (<usize>line) * a.strideRowBytes;
        const lines = min(a.linesPerBlock, a.outHeight - line);
        const isFirst = image == first && line == 0;
        addBlock(a, partial, 0, tiles, x, dy + <usize>line * linePitch, 1, lines, isFirst, sums);
      }
    }
  }
}

@unmanaged
class SumPartialsArgs {
  partials: u32;
  out: u32;
  length: i32;
  count: i32;
  floatsPerUnit: i32;
}

/** Adds `count` arrays of `length` floats, in order. A unit is floatsPerUnit elements. */
export function sumPartials(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<SumPartialsArgs>(args);
  const pitch = (<usize>a.length) << 2;
  for (let unit = start; unit < end; unit++) {
    const first = unit * a.floatsPerUnit;
    const last = min(first + a.floatsPerUnit, a.length);
    let index = first;
    for (; index + 4 <= last; index += 4) {
      let from = <usize>a.partials + ((<usize>index) << 2);
      let sum = v128.load(from);
      for (let partial = 1; partial < a.count; partial++) {
        from += pitch;
        sum = f32x4.add(sum, v128.load(from));
      }
      v128.store(<usize>a.out + ((<usize>index) << 2), sum);
    }
    for (; index < last; index++) {
      let from = <usize>a.partials + ((<usize>index) << 2);
      let sum = load<f32>(from);
      for (let partial = 1; partial < a.count; partial++) {
        from += pitch;
        sum += load<f32>(from);
      }
      store<f32>(<usize>a.out + ((<usize>index) << 2), sum);
    }
  }
}
