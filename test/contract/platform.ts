// Contract: files, clock and workers of the platform keep their promises.
import * as assert from 'uvu/assert';
import { SelvedgeError } from '../../src/core/errors.ts';
import { platform } from '../../src/platform/index.ts';
import type { ContractTests, FileTests } from './suite.ts';

const { files } = platform;
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

async function codeOf(run: () => Promise<unknown>): Promise<string> {
  try {
    await run();
    return 'nothing failed';
  } catch (error) {
    return error instanceof SelvedgeError ? error.code : String(error);
  }
}

export const platformFileTests: FileTests = {
  async 'a file is replaced whole, with its folder, and nothing is left beside it'({ folder }) {
    const file = files.join(folder, 'new', 'deep', 'text.txt');
    await files.write(file, 'long text');
    await files.write(file, 'text');
    assert.is(await files.readText(file), 'text');
    assert.equal(await files.list(files.dirname(file)), ['text.txt']);
    const { modifiedMs, ...status } = (await files.status(file))!;
    assert.equal(status, { bytes: 4, isFolder: false });
    assert.ok(modifiedMs === undefined || modifiedMs > Date.parse('2020-01-01'));
  },
  async 'files are overwritten in parts, appended to, renamed, listed and removed'({ folder }) {
    const [first, second] = [files.join(folder, 'a.bin'), files.join(folder, 'b.bin')];
    await files.append(first, 'x');
    await files.append(first, Uint8Array.of(121));
    assert.is(text(await files.readBytes(first)), 'xy');
    await files.overwrite(first, [Uint8Array.of(1), Uint8Array.of(2, 3)]);
    await files.rename(first, second);
    assert.equal([...(await files.readBytes(second))], [1, 2, 3]);
    await files.makeFolder(files.join(folder, 'c'));
    assert.equal(
      (await files.entries(folder)).map(({ name, isFolder, isFile }) => `${name} ${isFolder} ${isFile}`),
      ['b.bin false true', 'c true false'],
    );
    await files.remove(folder);
    await files.remove(folder);
    assert.is(await files.status(folder), undefined);
    assert.equal(await files.list(folder), []);
  },
  async 'a file that is read while it is replaced is the old or the new one, whole'({ folder }) {
    const file = files.join(folder, 'turning.bin');
    const contents = [new Uint8Array(200_000).fill(1), new Uint8Array(50_000).fill(2)] as const;
    await files.write(file, contents[0]);
    let isDone = false;
    const writing = (async () => {
      for (let i = 1; i <= 12; i++) await files.write(file, contents[i % 2 === 0 ? 0 : 1]);
      isDone = true;
    })();
    while (!isDone) {
      const found = await files.readBytes(file);
      const expected = contents[found[0] === 1 ? 0 : 1];
      assert.is(found.length, expected.length);
      assert.ok(found.every((value) => value === expected[0]));
    }
    await writing;
  },
  async 'a file that cannot be written is a typed error'({ folder }) {
    await files.makeFolder(files.join(folder, 'taken'));
    assert.is(await codeOf(() => files.write(files.join(folder, 'taken'), 'x')), 'files/not-written');
  },
};

export const platformTests: ContractTests = {
  async 'the clock goes forward and the event loop gets its turn'() {
    const start = platform.now();
    let turns = 0;
    setTimeout(() => turns++, 0);
    while (turns === 0 && platform.now() - start < 5_000) await platform.giveWay();
    assert.is(turns, 1);
    assert.ok(platform.now() >= start);
  },
  'the runtime has a name and a version, the machine cores and memory'() {
    const { name, version } = platform.runtime;
    assert.match(name, /^[a-z-]+$/);
    // Those of the edge tell nobody which version they are.
    assert.match(version, /^(workerd|edge-runtime)$/.test(name) ? 'unknown' : /^\d+\.\d+/);
    const { cores, memoryBytes } = platform.machine();
    assert.ok(Number.isInteger(cores) && cores >= 1 && memoryBytes >= 0);
    assert.ok(platform.processorTime().ownMs >= 0 && platform.peakMemoryBytes() >= 0);
  },
};
