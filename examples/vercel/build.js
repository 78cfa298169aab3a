// Puts what the function imports into lib/: WebAssembly as it is, and the model as a module, because Vercel bundles no other files.
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const from = (name) => fileURLToPath(import.meta.resolve(`selvedge/${name}`));
const to = (name) => fileURLToPath(new URL(`lib/${name}`, import.meta.url));

mkdirSync(to(''), { recursive: true });
for (const name of ['edge.wasm', 'png.wasm', 'jpeg.wasm']) copyFileSync(from(`build/${name}`), to(name));
const model = readFileSync(from('assets/models/dropout/dropout.selvedge')).toString('base64');
writeFileSync(
  to('model.js'),
  `export default Uint8Array.from(atob('${model}'), (character) => character.charCodeAt(0));\n`,
);
