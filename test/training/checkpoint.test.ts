// Checkpoints: round trip, two files in turn, and a write torn at any byte, which must leave the checkpoint before it.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { SelvedgeError } from '../../src/core/errors.ts';
import { type Files, platform } from '../../src/platform/index.ts';
import { type Checkpoint, openCheckpoints } from '../../src/training/checkpoint.ts';

interface State {
  readonly epoch: number;
  readonly note: string;
}

const checkpoint = (epoch: number, size = 5): Checkpoint<State> => ({
  state: { epoch, note: `épöch ${epoch}` },
  tensors: [
    { name: 'kernel', shape: [size], values: Float32Array.from({ length: size }, (_, i) => epoch + i / 3) },
    { name: 'none', shape: [0, 3], values: new Float32Array(0) },
    { name: 'scalar', shape: [], values: Float32Array.of(-epoch) },
  ],
});

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'selvedge-checkpoint-'));
  try {
    await body(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Files in memory. A write may be cut after some bytes, as by a power cut: the file has been truncated by then. */
function memoryFiles(): { files: Files; contents: Map<string, Uint8Array>; cutNextWriteAt: (bytes: number) => void } {
  const contents = new Map<string, Uint8Array>();
  let cut = Infinity;
  const files: Files = {
    ...platform.files,
    makeFolder: async () => undefined,
    status: async (file) => {
      const found = contents.get(file);
      return found && { bytes: found.length, isFolder: false };
    },
    readBytes: async (file) => contents.get(file)!.slice(),
    overwrite: async (file, parts) => {
      const whole = Uint8Array.from(parts.flatMap((part) => [...part]));
      const isCut = cut <= whole.length;
      contents.set(file, whole.slice(0, Math.min(cut, whole.length)));
      cut = Infinity;
      if (isCut) throw new Error('power cut');
    },
    remove: async (file) => {
      contents.delete(file);
    },
  };
  return {
    files,
    contents,
    cutNextWriteAt: (bytes) => {
      cut = bytes;
    },
  };
}

test('openCheckpoints() gives back state and tensors to the bit, from the disk', async () => {
  await inFolder(async (folder) => {
    const nested = path.join(folder, 'run', 'dropout');
    const bits = Float32Array.of(Number.NaN, -0, Infinity, 1e-45, -3.4e38, Math.fround(0.1));
    const saved: Checkpoint<State> = {
      state: { epoch: 3, note: '"\n' },
      tensors: [{ name: 'conv2d_1/kernel', shape: [2, 3], values: bits }],
    };
    assert.is(await openCheckpoints<State>(nested).load(), undefined);
    await openCheckpoints<State>(nested).save(saved);
    const found = await openCheckpoints<State>(nested).load();
    assert.equal(found?.state, saved.state);
    assert.equal(found?.tensors[0]?.name, 'conv2d_1/kernel');
    assert.equal(found?.tensors[0]?.shape, [2, 3]);
    assert.equal(new Uint32Array(found!.tensors[0]!.values.buffer), new Uint32Array(bits.buffer));
  });
});

test('save() takes part of a larger buffer', async () => {
  const { files } = memoryFiles();
  const values = Float32Array.of(1, 2, 3, 4, 5).subarray(1, 3);
  await openCheckpoints<State>('run', files).save({ ...checkpoint(1), tensors: [{ name: 'w', shape: [2], values }] });
  const found = await openCheckpoints<State>('run', files).load();
  assert.equal([...found!.tensors[0]!.values], [2, 3]);
});

test('save() writes the two files in turn and load() gives the newest, also to another store of the folder', async () => {
  await inFolder(async (folder) => {
    let store = openCheckpoints<State>(folder);
    const written: string[][] = [];
    for (let epoch = 1; epoch <= 5; epoch++) {
      const before = new Map(readdirSync(folder).map((name) => [name, readFileSync(path.join(folder, name))]));
      await store.save(checkpoint(epoch));
      const changed = readdirSync(folder).filter(
        (name) => before.get(name)?.equals(readFileSync(path.join(folder, name))) !== true,
      );
      written.push(changed);
      if (epoch === 3) store = openCheckpoints<State>(folder);
      assert.equal((await openCheckpoints<State>(folder).load())?.state.epoch, epoch);
    }
    const [first, second] = ['checkpoint-0.bin', 'checkpoint-1.bin'];
    assert.equal(written, [[first], [second], [first], [second], [first]]);
    await store.clear();
    assert.equal(readdirSync(folder), []);
    assert.is(await store.load(), undefined);
    await store.save(checkpoint(9));
    assert.is((await openCheckpoints<State>(folder).load())?.state.epoch, 9);
  });
});

test('load() gives the checkpoint before a write that was torn at any byte, and the next save() repairs it', async () => {
  const probe = memoryFiles();
  await openCheckpoints<State>('run', probe.files).save(checkpoint(1));
  const length = [...probe.contents.values()][0]!.length;
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: length - 1 }), fc.integer({ min: 0, max: 3 }), async (cut, before) => {
      const { files, cutNextWriteAt } = memoryFiles();
      const store = openCheckpoints<State>('run', files);
      for (let epoch = 1; epoch <= before; epoch++) await store.save(checkpoint(epoch));
      cutNextWriteAt(cut);
      let failure: unknown;
      await store.save(checkpoint(before + 1)).catch((error: unknown) => {
        failure = error;
      });
      assert.is((failure as Error).message, 'power cut');
      const restarted = openCheckpoints<State>('run', files);
      for (const reader of [store, restarted]) {
        const found = await reader.load();
        if (before === 0) assert.is(found, undefined);
        else assert.equal(found, checkpoint(before));
      }
      await restarted.save(checkpoint(before + 1));
      assert.equal(await openCheckpoints<State>('run', files).load(), checkpoint(before + 1));
    }),
    { seed: 31, numRuns: 400 },
  );
});

test('load() never gives a torn file although its older bytes are still behind the cut', async () => {
  const { files, contents, cutNextWriteAt } = memoryFiles();
  const store = openCheckpoints<State>('run', files);
  for (const epoch of [1, 2]) await store.save(checkpoint(epoch));
  const [oldest] = [...contents.keys()];
  const older = contents.get(oldest!)!;
  for (let cut = 1; cut < older.length; cut += 3) {
    cutNextWriteAt(cut);
    await store.save(checkpoint(3)).catch(() => undefined);
    const torn = older.slice();
    torn.set(contents.get(oldest!)!);
    contents.set(oldest!, torn);
    const found = await openCheckpoints<State>('run', files).load();
    // A cut behind the last byte that differs leaves the whole third checkpoint.
    assert.ok(found?.state.epoch === 2 || found?.state.epoch === 3);
    assert.equal(found, checkpoint(found.state.epoch));
  }
});

test('load() passes over a file with any byte changed, a byte more or a byte less', async () => {
  const { files, contents } = memoryFiles();
  const store = openCheckpoints<State>('run', files);
  for (const epoch of [1, 2]) await store.save(checkpoint(epoch));
  const newest = [...contents.keys()][1]!;
  const whole = contents.get(newest)!;
  const damaged = [
    whole.slice(0, -1),
    Uint8Array.from([...whole, 0]),
    new Uint8Array(0),
    new Uint8Array(whole.length),
    ...Array.from({ length: whole.length }, (_, at) =>
      whole.map((byte, i) => (i === at ? byte ^ (1 << (at % 8)) : byte)),
    ),
  ];
  for (const bytes of damaged) {
    contents.set(newest, bytes);
    assert.is((await openCheckpoints<State>('run', files).load())?.state.epoch, 1);
  }
  contents.set([...contents.keys()][0]!, Uint8Array.of(1, 2, 3));
  assert.is(await openCheckpoints<State>('run', files).load(), undefined);
});

/** A file with a right digest around any header text and tensor bytes: what another version might write. */
async function sealed(header: string, tensorBytes: number): Promise<Uint8Array> {
  const json = new TextEncoder().encode(header);
  const bytes = new Uint8Array(56 + json.length + tensorBytes);
  const view = new DataView(bytes.buffer);
  bytes.set(new TextEncoder().encode('SELVCKPT'));
  view.setBigUint64(8, 1n, true);
  view.setBigUint64(16, BigInt(json.length), true);
  bytes.set(json, 56);
  const content = new Uint8Array([...bytes.subarray(0, 24), ...bytes.subarray(56)]);
  bytes.set(new Uint8Array(await crypto.subtle.digest('SHA-256', content)), 24);
  return bytes;
}

test('load() says which file another version wrote: no JSON, no tensors, or sizes that do not add up', async () => {
  await inFolder(async (folder) => {
    const file = path.join(folder, 'checkpoint-0.bin');
    const one = JSON.stringify({ state: { epoch: 1 }, tensors: [{ name: 'w', shape: [2] }] });
    writeFileSync(file, await sealed(one, 8));
    assert.is((await openCheckpoints<State>(folder).load())?.state.epoch, 1);
    for (const [header, bytes] of [
      ['not JSON', 8],
      ['{"state":{}}', 0],
      [one, 4],
      [one, 7],
      [one, 12],
    ] as const) {
      writeFileSync(file, await sealed(header, bytes));
      let failure: unknown;
      await openCheckpoints<State>(folder)
        .load()
        .catch((error: unknown) => {
          failure = error;
        });
      assert.instance(failure, SelvedgeError, `${header}, ${bytes}`);
      assert.is((failure as SelvedgeError).code, 'checkpoint/format');
      assert.match((failure as SelvedgeError).message, `"${file}"`);
    }
  });
});

test.run();
