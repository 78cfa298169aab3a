// First module of the bundled suite: starts our backend and names it to tfjs's test registry before any spec is declared.
// Not here: the specs (tfjs-core's own) and the running of them (run.ts).
import '@tensorflow/tfjs-core/dist/register_all_gradients.js';
import '@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops.js';
import { setTestEnvs } from '@tensorflow/tfjs-core/dist/jasmine_util.js';
import { startBackend } from '../../src/backend/index.ts';

/** The started engine; run.ts stops it. */
export const engine = await startBackend({
  threads: Number(process.env.CONFORMANCE_THREADS ?? 2),
  sharedMemory: process.env.CONFORMANCE_MEMORY !== 'unshared',
});
setTestEnvs([{ name: 'wasm', backendName: 'wasm', isDataSync: true }]);
