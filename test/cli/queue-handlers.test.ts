// What workers make of models that cannot be read: the same everywhere, so that nobody else has to try. Not here: leases, and what is measured.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { CommandContext } from '../../src/cli/command.ts';
import { MODEL_PATH } from '../../src/cli/packed-model.ts';
import { createRunHandlers } from '../../src/cli/queue-handlers.ts';
import { loadFashionMnistSample } from '../../src/data/index.ts';
import { readShippedFile } from '../../src/models/index.ts';
import { packFiles, type TakenWork } from '../../src/queue/index.ts';
import { memoryStore } from '../queue/contract.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'selvedge-handlers-'));
test.after(() => rmSync(folder, { recursive: true }));

for (const [what, bytes, code] of [
  ['a file of export that is cut', async () => (await readShippedFile('best')).subarray(0, 5000), 'edge/truncated'],
  ['a file that is no ONNX', async () => Uint8Array.of(255, 255, 255, 255), 'onnx/format'],
] as const) {
  test(`measuring ${what} has failed for every worker`, async () => {
    const artefacts = memoryStore();
    const artefact = await artefacts.put(packFiles(new Map([[MODEL_PATH, await bytes()]])));
    const { measure } = createRunHandlers({
      loaded: await loadFashionMnistSample(),
      threads: '1',
      context: { cwd: folder, writeError: () => undefined } as unknown as CommandContext,
      name: 'worker',
      start: async () => undefined,
    });
    const work = { kind: 'measure', settings: { name: 'classification', model: { artefact } } };
    const taken = { key: '0'.repeat(64), work } as unknown as TakenWork;
    const result = await measure!(taken, { artefacts, signal: new AbortController().signal } as never);
    assert.ok(result?.status === 'failed', JSON.stringify(result));
    assert.is(result.code, code);
  });
}

test.run();
