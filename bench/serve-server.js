// One server of `selvedge bench serve`, in a process of its own: that of the compiled package in the folder that the first argument names, by
// the way that the second does: `loop`, pictures read on the event loop, or `threads`. Prints its address; then answers each line of input
// with the processor time that it has used. Plain JavaScript. Invariant: nothing of the other way is loaded or started.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const [root = '', way = ''] = process.argv.slice(2);
/** @param {string} module */
const load = (module) => import(pathToFileURL(path.join(root, 'dist', module)).href);
/** @param {string} name */
const compile = async (name) => WebAssembly.compile(await readFile(path.join(root, 'build', name)));

/** `dropout`, whatever a server begins with: it is the pictures that are measured. */
const model = await readFile(path.join(root, 'assets/models/dropout/dropout.selvedge'));

async function loopApp() {
  const [{ createApp, createImageDecoder }, { createClassifier }] = await Promise.all([
    load('serve/index.js'),
    load('edge/index.js'),
  ]);
  const classifier = createClassifier({ model, kernels: await compile('edge.wasm') });
  const decodeImage = createImageDecoder({ png: await compile('png.wasm'), jpeg: () => compile('jpeg.wasm') });
  return createApp({ classifier, decodeImage });
}

async function threadsApp() {
  const { createLocalApp } = await load('serve/local.js');
  return createLocalApp({ model, onError: console.error });
}

const app = await (way === 'loop' ? loopApp() : threadsApp());
const { platform } = await load('platform/index.js');
const { url } = await platform.serve((/** @type {Request} */ request) => app.fetch(request), {
  host: '127.0.0.1',
  port: 0,
});
console.log(url);
for await (const _ of createInterface({ input: process.stdin })) {
  const { user, system } = process.cpuUsage();
  console.log(JSON.stringify({ processorMs: (user + system) / 1000 }));
}
process.exit(0);
