// One command of `selvedge bench startup` in a fresh process: starts the command line that its first argument names with the others, and tells
// on the last line of standard error what it took, in JSON: until the end, or of a training until its first update.
// Invariant: nothing but the command line itself is loaded, and it does not know that it is measured.
import { pathToFileURL } from 'node:url';

const [runtime = '', , program = '', ...args] = process.argv;
process.argv = [runtime, program, ...args];

/** @type {{ wallMs: number, userMs: number, systemMs: number } | undefined} */
let taken;
function take() {
  const { user, system } = process.cpuUsage();
  // Since the process began.
  taken ??= { wallMs: performance.now(), userMs: user / 1000, systemMs: system / 1000 };
}

if (args[0] === 'train') {
  const write = process.stderr.write.bind(process.stderr);
  process.stderr.write = (/** @type {string | Uint8Array} */ text) => {
    if (String(text).includes('made its first update')) take();
    return write(text);
  };
}
process.on('exit', () => {
  take();
  const { user, system } = process.cpuUsage();
  process.stderr.write(`${JSON.stringify({ ...taken, processorMs: (user + system) / 1000 })}\n`);
});
await import(pathToFileURL(program).href);
