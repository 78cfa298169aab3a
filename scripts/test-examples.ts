// Starts the examples as a new user does, each by its one command, and `selvedge serve` on each runtime, and asks them: every form of
// image, and what is wrong with one.
// Invariant: answers have the bits of this Node's classifier; its last line is `N passed, N failed`; nothing is left running.
//
//   node --import tsx scripts/test-examples.ts [PART OF A NAME…]
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { fashionMnistClassNames, loadFashionMnistSample } from '../src/data/index.ts';
import { openShippedClassifier, type ShippedName } from '../src/models/index.ts';
import { jpegFile, rgbaPng } from '../test/data/image-files.ts';
import { pictureOf } from '../test/serve/pictures.ts';
import { bun, deno, missingBinary, type ProcessRuntime, thisNode } from './runtimes/processes.ts';
import { root } from './runtimes/runtime.ts';
import { askShop, shopFolder } from './test-shop.ts';

/** Packages may be fetched first. */
const START_LIMIT_MS = 180_000;
const STOP_LIMIT_MS = 10_000;

interface Example {
  readonly name: string;
  /** From the root of the project. */
  readonly folder: string;
  readonly command: readonly string[];
  /** What `/health` must say of where it runs. */
  readonly runtime: RegExp;
  /** Which of the models that ship it serves. Default: `best`, as servers with files do; what is bundled takes a small one. */
  readonly model?: ShippedName;
  /** Binary whose folder must be first in the path; undefined: it is on this machine already. */
  readonly binary?: string | undefined;
  readonly missing?: () => string | undefined;
  /** What is asked in place of pictures to classify: of what answers by pages. */
  readonly ask?: (url: string) => readonly (readonly [title: string, run: () => Promise<string | undefined>])[];
  readonly environment?: Readonly<Record<string, string>>;
}

const examples: readonly Example[] = [
  { name: 'node', folder: 'examples/node', command: ['npm', 'start'], runtime: /^node \d/ },
  {
    name: 'bun',
    folder: 'examples/bun',
    command: ['bun', 'start'],
    runtime: /^bun \d/,
    binary: bun.binary,
    missing: () => missingBinary(bun),
  },
  {
    name: 'deno',
    folder: 'examples/deno',
    command: ['deno', 'run', '--allow-net', '--allow-read', '--allow-env', 'main.ts'],
    runtime: /^deno \d/,
    binary: deno.binary,
    missing: () => missingBinary(deno),
  },
  {
    name: 'cloudflare',
    folder: 'examples/cloudflare',
    command: ['npm', 'start'],
    runtime: /^Cloudflare-Workers$/,
    model: 'dropout',
  },
  {
    name: 'cloudflare-nodejs',
    folder: 'examples/cloudflare',
    command: ['npm', 'start', '--', '--nodejs-compat'],
    runtime: /^Cloudflare-Workers$/,
    model: 'dropout',
  },
  {
    name: 'vercel',
    folder: 'examples/vercel',
    command: ['npm', 'start'],
    runtime: /^edge-runtime$/,
    model: 'dropout',
  },
  {
    name: 'shop',
    folder: 'examples/shop',
    command: ['npm', 'start'],
    runtime: /^node \d/,
    ask: askShop,
    environment: { SHOP_FOLDER: shopFolder() },
  },
  ...[thisNode, bun, deno].map(serveOn),
];

/** `selvedge serve` on a runtime, by its own server. */
function serveOn(runtime: ProcessRuntime): Example {
  const program = path.join('bin', 'selvedge.js');
  return {
    name: `serve-${runtime.reports.name}`,
    folder: '.',
    command: [runtime.binary ?? runtime.name, ...runtime.programArgs, program, 'serve', '--port', '0'],
    runtime: new RegExp(`^${runtime.reports.name} ${runtime.reports.version.replaceAll('.', '\\.')}$`),
    missing: () => missingBinary(runtime),
  };
}

interface Server {
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts an example in a group of processes of its own, as a terminal does. */
async function start({ folder, command, binary, environment }: Example): Promise<Server> {
  const [program, ...args] = command;
  const { FORCE_COLOR: _, ...inherited } = process.env;
  const first = binary === undefined ? '' : `${path.dirname(binary)}${path.delimiter}`;
  const child = spawn(program!, args, {
    cwd: path.join(root, folder),
    env: { ...inherited, NO_COLOR: '1', PORT: '0', ...environment, PATH: `${first}${process.env.PATH}` },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const signal = (name: NodeJS.Signals): void => {
    try {
      process.kill(-child.pid!, name);
    } catch {
      // Nobody of the group is left.
    }
  };
  process.on('exit', () => signal('SIGKILL'));
  let output = '';
  const url = await new Promise<string>((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`no address in time:\n${output}`)), START_LIMIT_MS);
    const hear = (chunk: Buffer): void => {
      output += chunk;
      const found = /Serving on (http:[^\s,]+)/.exec(output);
      if (!found) return;
      clearTimeout(late);
      resolve(found[1]!);
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    child.on('error', reject);
    child.on('close', (code) => reject(new Error(`ended with code ${code}:\n${output}`)));
  }).catch((error: unknown) => {
    signal('SIGKILL');
    throw error;
  });
  return {
    url,
    // Ctrl-C of a terminal goes to the whole group.
    stop: async () => {
      const ended = once(child, 'close');
      signal('SIGINT');
      const late = setTimeout(() => signal('SIGKILL'), STOP_LIMIT_MS);
      await ended;
      clearTimeout(late);
      signal('SIGKILL');
    },
  };
}

interface Case {
  readonly title: string;
  readonly type?: string;
  readonly body: Uint8Array | string | FormData;
  readonly status: number;
  /** The server may hang up before it has read all of the body. Source: RFC 9110, section 15.5.14. */
  readonly mayHangUp?: boolean;
  /** Images that are expected back. */
  readonly classes?: readonly string[];
  readonly probabilities?: readonly number[];
}

const OCTETS = 'application/octet-stream';

/** What is asked of every example, with the answers of this Node. */
async function makeCases(model: ShippedName): Promise<Case[]> {
  const { test } = await loadFashionMnistSample();
  const classifier = await openShippedClassifier(model);
  const images = test.images.slice(0, 40 * 784);
  const image = images.subarray(0, 784);
  const [one] = [...test.labels].map((label) => fashionMnistClassNames[label]!);
  const probabilities = [...classifier.classify(images)];
  const classes = Array.from({ length: 40 }, (_, i) => {
    const own = probabilities.slice(i * 10, i * 10 + 10);
    return classifier.model.labels[own.indexOf(Math.max(...own))]!;
  });
  const png = rgbaPng(pictureOf(image));
  const jpeg = await jpegFile(pictureOf(image));
  const frame = jpeg.findIndex((byte, i) => byte === 0xff && [0xc0, 0xc1, 0xc2].includes(jpeg[i + 1]!));
  const huge = png.slice();
  new DataView(huge.buffer).setUint32(16, 60_000);
  new DataView(huge.buffer).setUint32(20, 60_000);
  const form = new FormData();
  form.append('a', new File([png as BlobPart], 'a.png', { type: 'image/png' }));
  form.append('b', new File([jpeg as BlobPart], 'b.jpg', { type: 'image/jpeg' }));
  return [
    { title: '40 raw images', type: OCTETS, body: images, status: 200, classes, probabilities },
    {
      title: 'an image as JSON',
      type: 'application/json',
      body: JSON.stringify([...image]),
      status: 200,
      probabilities: probabilities.slice(0, 10),
    },
    { title: 'a PNG', type: 'image/png', body: png, status: 200, classes: [one!] },
    { title: 'a JPEG', type: 'image/jpeg', body: jpeg, status: 200, classes: [one!] },
    { title: 'a form of two pictures', body: form, status: 200, classes: [one!, one!] },
    { title: 'bytes of no whole image', type: OCTETS, body: new Uint8Array(9), status: 400 },
    { title: 'JSON that is none', type: 'application/json', body: '{', status: 400 },
    { title: 'a form that is none', type: 'multipart/form-data; boundary=x', body: 'x', status: 400 },
    { title: 'a body over the limit', type: OCTETS, body: new Uint8Array(11_000_000), status: 413, mayHangUp: true },
    { title: 'a PNG that claims to be huge', type: 'image/png', body: huge, status: 413 },
    { title: 'text', type: 'text/plain', body: 'shoe', status: 415 },
    { title: 'half a PNG', type: 'image/png', body: png.slice(0, 200), status: 422 },
    {
      title: 'a PNG of damaged pixels',
      type: 'image/png',
      body: png.map((byte, i) => (i > 60 && i < 90 ? byte ^ 255 : byte)),
      status: 422,
    },
    {
      title: 'a JPEG of a depth that there is not',
      type: 'image/jpeg',
      body: jpeg.map((byte, i) => (i === frame + 4 ? 99 : byte)),
      status: 422,
    },
  ];
}

interface Answer {
  readonly images?: readonly { readonly class: string; readonly probabilities: Readonly<Record<string, number>> }[];
  readonly error?: { readonly code: string; readonly message: string };
}

/** What is wrong with an answer; undefined: nothing. */
async function ask(url: string, each: Case): Promise<string | undefined> {
  const { type, body, status, classes, probabilities } = each;
  const headers: Record<string, string> = type === undefined ? {} : { 'content-type': type };
  let response: Response;
  try {
    response = await fetch(`${url}/classify`, { method: 'POST', headers, body: body as BodyInit });
  } catch (error) {
    if (each.mayHangUp) return undefined;
    throw error;
  }
  const text = await response.text();
  const problem = `got ${response.status} ${text.slice(0, 300)}`;
  if (response.status !== status) return `expected ${status}, ${problem}`;
  const { images = [], error } = JSON.parse(text) as Answer;
  if (status !== 200) return typeof error?.code === 'string' ? undefined : `expected an error, ${problem}`;
  const found = images.map((image) => image.class);
  if (classes && found.join() !== classes.join()) return `expected ${classes.join()}, got ${found.join()}`;
  const bits = images.flatMap((image) => Object.values(image.probabilities));
  if (probabilities && bits.join() !== probabilities.join()) return 'its probabilities are not those of this Node';
  return undefined;
}

async function testExample(example: Example, cases: readonly Case[]): Promise<{ passed: number; problems: string[] }> {
  const problems: string[] = [];
  let passed = 0;
  const check = async (title: string, run: () => Promise<string | undefined>): Promise<void> => {
    const problem = await run().catch((error: unknown) => String(error));
    if (problem === undefined) passed++;
    else problems.push(`${title}: ${problem}`);
  };
  let server: Server | undefined;
  await check('start', async () => {
    server = await start(example);
    return undefined;
  });
  if (server === undefined) return { passed, problems };
  const { url, stop } = server;
  await check('health', async () => {
    const { runtime } = (await (await fetch(`${url}/health`)).json()) as { runtime: string };
    return example.runtime.test(runtime) ? undefined : `expected ${example.runtime}, got "${runtime}"`;
  });
  if (example.ask) for (const [title, run] of example.ask(url)) await check(title, run);
  else {
    for (const each of [...cases, cases[0]!]) await check(each.title, () => ask(url, each));
    await check('documents', async () => {
      const statuses = [];
      for (const name of ['model', 'openapi.json', 'nothing']) statuses.push((await fetch(`${url}/${name}`)).status);
      return statuses.join() === '200,200,404' ? undefined : `got ${statuses.join()}`;
    });
  }
  await check('stop', async () => {
    await stop();
    const isThere = await fetch(`${url}/health`).then(
      () => true,
      () => false,
    );
    return isThere ? 'it still answers' : undefined;
  });
  return { passed, problems };
}

async function main(parts: readonly string[]): Promise<void> {
  const wanted = examples.filter(({ name }) => parts.length === 0 || parts.some((part) => name.includes(part)));
  if (wanted.length === 0)
    throw new Error(`No example has ${parts.map((part) => `"${part}"`).join(' or ')} in its name`);
  const cases = new Map<ShippedName, Case[]>();
  for (const { model = 'best' } of wanted) if (!cases.has(model)) cases.set(model, await makeCases(model));
  let [passed, failed] = [0, 0];
  for (const example of wanted) {
    const reason = example.missing?.();
    if (reason !== undefined) {
      console.log(`skipped ${example.name.padEnd(18)} ${reason}`);
      continue;
    }
    const result = await testExample(example, cases.get(example.model ?? 'best')!);
    passed += result.passed;
    failed += result.problems.length;
    const state = result.problems.length === 0 ? 'ok     ' : 'FAILED ';
    console.log(`${state} ${example.name.padEnd(18)} ${result.passed} passed`);
    for (const problem of result.problems) console.log(`        ${problem.replaceAll('\n', '\n        ')}`);
  }
  if (failed > 0 || passed === 0) process.exitCode = 1;
  console.log(`${passed} passed, ${failed} failed`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));
  await main(process.argv.slice(2));
}
