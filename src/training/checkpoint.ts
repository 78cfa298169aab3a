// Checkpoints: everything a killed run needs to go on to the same bits. Two files take turns; each carries its own digest, so
// the newest file that is whole wins and no rename has to be atomic.
// Invariant: at every instant at least one whole checkpoint is on the disk, once the first has been written.
//
//   bytes   0        8          16             24              56            56 + h       56 + h + p
//          [magic   | sequence | header bytes | sha256 of rest | header JSON | padding to 8 | tensors … ]
//          "SELVCKPT"  uint64 LE  uint64 LE
import { concatenate } from '../core/concatenate.ts';
import { SelvedgeError } from '../core/errors.ts';
import { type Files, platform } from '../platform/index.ts';

/** A named array of float32 values. */
export interface CheckpointTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** What is saved: a plain JSON value and tensors. */
export interface Checkpoint<State> {
  readonly state: State;
  readonly tensors: readonly CheckpointTensor[];
}

interface Header {
  readonly state: unknown;
  readonly tensors: readonly { readonly name: string; readonly shape: readonly number[] }[];
}

const MAGIC = 0x54504b43_564c4553n; // "SELVCKPT", little-endian
const FIXED_BYTES = 56;
const SLOTS = ['checkpoint-0.bin', 'checkpoint-1.bin'] as const;

/** Where checkpoints of one run are kept. */
export interface CheckpointStore<State> {
  /** Writes over the older of the two files and flushes it to the disk. */
  save(checkpoint: Checkpoint<State>): Promise<void>;
  /** The newest whole checkpoint, or undefined if there is none. */
  load(): Promise<Checkpoint<State> | undefined>;
  /** Removes both files. */
  clear(): Promise<void>;
}

/**
 * Opens the checkpoints in a folder.
 *
 * @param folder Made when the first checkpoint is written
 * @param files The file system; tests give one that fails
 *
 * @example
 * ```ts
 * import { openCheckpoints } from 'selvedge';
 * const store = openCheckpoints<{ epoch: number }>('runs/example');
 * await store.save({ state: { epoch: 1 }, tensors: [{ name: 'w', shape: [2], values: Float32Array.of(1, 2) }] });
 * console.assert((await store.load())?.state.epoch === 1);
 * await store.clear();
 * ```
 */
export function openCheckpoints<State>(folder: string, files: Files = platform.files): CheckpointStore<State> {
  const paths = SLOTS.map((slot) => files.join(folder, slot));
  let newest: { slot: number; sequence: bigint } | undefined;

  async function load(): Promise<Checkpoint<State> | undefined> {
    const found = await Promise.all(paths.map((path) => readSlot<State>(files, path)));
    newest = undefined;
    let best: Checkpoint<State> | undefined;
    found.forEach((slot, index) => {
      if (slot && (!newest || slot.sequence > newest.sequence)) {
        newest = { slot: index, sequence: slot.sequence };
        best = slot.checkpoint;
      }
    });
    return best;
  }

  return {
    load,
    async save(checkpoint) {
      if (!newest) await load();
      const slot = newest ? 1 - newest.slot : 0;
      const sequence = (newest?.sequence ?? 0n) + 1n;
      await files.makeFolder(folder);
      await files.overwrite(paths[slot]!, await encode(checkpoint, sequence));
      newest = { slot, sequence };
    },
    async clear() {
      for (const path of paths) await files.remove(path);
      newest = undefined;
    },
  };
}

async function encode(checkpoint: Checkpoint<unknown>, sequence: bigint): Promise<Uint8Array[]> {
  const header: Header = {
    state: checkpoint.state,
    tensors: checkpoint.tensors.map(({ name, shape }) => ({ name, shape })),
  };
  const json = new TextEncoder().encode(JSON.stringify(header));
  const padded = new Uint8Array(Math.ceil(json.length / 8) * 8).fill(0x20);
  padded.set(json);
  const parts = checkpoint.tensors.map(
    ({ values }) => new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
  );
  const fixed = new Uint8Array(FIXED_BYTES);
  const view = new DataView(fixed.buffer);
  view.setBigUint64(0, MAGIC, true);
  view.setBigUint64(8, sequence, true);
  view.setBigUint64(16, BigInt(padded.length), true);
  const rest = concatenate([padded, ...parts]);
  fixed.set(await digestOf(fixed.subarray(0, 24), rest), 24);
  return [fixed, rest];
}

async function readSlot<State>(
  files: Files,
  path: string,
): Promise<{ sequence: bigint; checkpoint: Checkpoint<State> } | undefined> {
  if (!(await files.status(path))) return undefined;
  const bytes = await files.readBytes(path);
  if (bytes.length < FIXED_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getBigUint64(0, true) !== MAGIC) return undefined;
  const rest = bytes.subarray(FIXED_BYTES);
  const expected = bytes.subarray(24, FIXED_BYTES);
  const digest = await digestOf(bytes.subarray(0, 24), rest);
  if (!digest.every((byte, i) => byte === expected[i])) return undefined;
  return {
    sequence: view.getBigUint64(8, true),
    checkpoint: decode<State>(rest, Number(view.getBigUint64(16, true)), path),
  };
}

function decode<State>(rest: Uint8Array, headerBytes: number, path: string): Checkpoint<State> {
  try {
    const header = JSON.parse(new TextDecoder().decode(rest.subarray(0, headerBytes))) as Header;
    let at = headerBytes;
    const tensors = header.tensors.map(({ name, shape }) => {
      const bytes = 4 * shape.reduce((product, extent) => product * extent, 1);
      const values = new Float32Array(rest.slice(at, at + bytes).buffer);
      at += bytes;
      return { name, shape, values };
    });
    if (at !== rest.length) throw new Error(`expected ${at} bytes after the digest, got ${rest.length}`);
    return { state: header.state as State, tensors };
  } catch (error) {
    throw new SelvedgeError(
      'checkpoint/format',
      `Cannot read checkpoint "${path}": it was written by another version`,
      {
        cause: error,
      },
    );
  }
}

async function digestOf(start: Uint8Array, rest: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', concatenate([start, rest]) as BufferSource));
}
