// A user's page: the engine on its own thread, where it must not block, and in a worker. Leaves what it found as `found`.
import { predictWithEngine } from './predict.js';

const scope = /** @type {{found?: unknown}} */ (globalThis);
const worker = new Worker(new URL('./engine-worker.js', import.meta.url), { type: 'module' });
const inWorker = new Promise((resolve, reject) => {
  worker.onmessage = ({ data }) => resolve(data);
  worker.onerror = ({ message }) => reject(new Error(`The worker failed: ${message}`));
});
try {
  scope.found = { page: await predictWithEngine(), worker: await inWorker };
} catch (error) {
  scope.found = { error: String(error) };
}
