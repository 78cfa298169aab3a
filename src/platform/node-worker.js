// First module of every worker on Node: hands the start data to the default export of the worker's script.
import { workerData } from 'node:worker_threads';

const { script, data } = /** @type {{script: string, data: unknown}} */ (workerData);
const entry = /** @type {{default: (data: unknown) => unknown}} */ (await import(script));
await entry.default(data);
