// Browsers without a GPU as runtimes: the contract suite and fingerprints in a worker of a page that is isolated across origins, in one of a
// page that is not, and on a page's main thread. Invariant: a strict content security policy is in force, and no violation is allowed.
import path from 'node:path';
import type { BackendInfo, BackendOptions } from '../../src/backend/index.ts';
import type { BrowserAnswer, BrowserAnswers, BrowserFingerprint, BrowserRequest } from '../../test/contract/browser.ts';
import { type ContractReport, type ContractResult, contractStarts } from '../../test/contract/contract.ts';
import {
  type Browser,
  type BrowserKind,
  chromium,
  findBinary,
  firefox,
  missingBrowser,
  type Page,
  startBrowser,
  versionOf,
} from './browser-drivers.ts';
import { bundle } from './bundle.ts';
import { dataFolder } from './data-folder.ts';
import { type FileServer, serveFiles } from './file-server.ts';
import {
  type FingerprintRequest,
  type FingerprintTaken,
  type RuntimeEntry,
  type RuntimeSession,
  runtimesFolder,
} from './runtime.ts';

/** No inline scripts, no eval, no blob addresses; WebAssembly may be compiled. */
export const POLICY = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'";
export const ISOLATION = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
  'cross-origin-resource-policy': 'same-origin',
};
const INDEX =
  '<!doctype html><html lang="en"><title>Contract</title><script type="module" src="/src/any/page.js"></script>';
/** Two folders below the root, as every module of the sources is. */
const SCRIPTS = '/src/any/';
/** A short run may end before the page is closed. */
const CLOSE_ATTEMPTS = 5;
const REPORT_LIMIT_MS = 5_000;

interface Started {
  readonly browser: Browser;
  readonly isolated: FileServer;
  readonly plain: FileServer;
}

async function serveSite(): Promise<Pick<Started, 'isolated' | 'plain'>> {
  const script = (name: string): Promise<string> =>
    bundle({
      source: `import { start } from './test/contract/browser-${name}.ts';\nstart();`,
      platform: 'browser',
      format: 'esm',
    });
  const contents = {
    '/index.html': INDEX,
    [`${SCRIPTS}page.js`]: await script('page'),
    [`${SCRIPTS}worker.js`]: await script('worker'),
  };
  const headers = { 'content-security-policy': POLICY };
  const own = { contents, dataFolder: dataFolder() };
  const isolated = await serveFiles({ ...own, headers: { ...headers, ...ISOLATION } });
  return { isolated, plain: await serveFiles({ ...own, headers }) };
}

type Ask = 'askWorker' | 'askPage';

async function evaluate<T>(page: Page, call: string): Promise<T> {
  const found = JSON.parse((await page.evaluate(`${call}.then(JSON.stringify)`)) as string) as BrowserAnswer<T>;
  if ('problem' in found) throw new Error(found.problem);
  return found.value;
}

function ask<K extends keyof BrowserAnswers>(
  page: Page,
  how: Ask,
  request: BrowserRequest<K>,
): Promise<BrowserAnswers[K]['answer']> {
  return evaluate(page, `${how}(${JSON.stringify(request)})`);
}

async function withPage<T>({ browser }: Started, server: FileServer, use: (page: Page) => Promise<T>): Promise<T> {
  const page = await browser.open(`${server.address}index.html`);
  try {
    return await use(page);
  } finally {
    await page.close();
  }
}

/** Where the suite runs, and what the engine must say there. */
interface Place {
  readonly label: string;
  readonly server: 'isolated' | 'plain';
  readonly how: Ask;
  readonly starts: readonly BackendOptions[];
  /** Of a start with two threads: what is said against them. */
  readonly reason: RegExp | undefined;
}

const places: readonly Place[] = [
  { label: 'in a worker', server: 'isolated', how: 'askWorker', starts: contractStarts, reason: undefined },
  {
    label: 'in a worker of a page that is not isolated',
    server: 'plain',
    how: 'askWorker',
    starts: [{ threads: 2 }],
    reason: /there is no SharedArrayBuffer: .*COEP/,
  },
  {
    label: "on a page's main thread",
    server: 'isolated',
    how: 'askPage',
    starts: [{ threads: 2 }],
    reason: /this thread must not block/,
  },
];

function judgeEngine({ reason, label }: Place, info: BackendInfo): ContractResult {
  const { threads, sharedMemory, fallbackReason } = info;
  const isRight =
    reason === undefined
      ? threads === 2 && sharedMemory && fallbackReason === undefined
      : threads === 1 && !sharedMemory && reason.test(fallbackReason ?? '');
  const title = `the engine says what it got of two threads (${label})`;
  return isRight ? { title } : { title, problem: `got ${JSON.stringify(info)}, expected ${reason ?? 'two threads'}` };
}

async function runPlace(started: Started, place: Place): Promise<{ report: ContractReport; judged: ContractResult }> {
  return withPage(started, started[place.server], async (page) => {
    const judged = judgeEngine(place, await ask(page, place.how, { kind: 'engine', request: { threads: 2 } }));
    const request = { folder: '/contract', starts: place.starts };
    return { report: await ask(page, place.how, { kind: 'contract', request }), judged };
  });
}

/** Shows that violations are seen: one is made. Before it, none must have been. */
async function judgePolicy(started: Started): Promise<ContractResult[]> {
  const servers = [started.isolated, started.plain];
  const early = servers.flatMap(({ reports }) => reports);
  const held: ContractResult = { title: 'the content security policy was never violated' };
  const seen: ContractResult = { title: 'the content security policy refuses eval, and says so' };
  const said = await withPage(started, started.isolated, async (page) => {
    const said = await evaluate<string>(page, 'tryEval()');
    const end = performance.now() + REPORT_LIMIT_MS;
    while (started.isolated.reports.length === 0 && performance.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return said;
  });
  const reports = started.isolated.reports.length;
  return [
    early.length === 0 ? held : { ...held, problem: early.join('\n') },
    said === 'refused' && reports > 0 ? seen : { ...seen, problem: `eval: ${said}; ${reports} reports` },
  ];
}

async function judgeThreads(started: Started): Promise<ContractResult> {
  const title = "the engine's threads end with the worker that it was in";
  const left = await withPage(started, started.isolated, (page) => evaluate<string>(page, 'leaveThreads()'));
  return left === '2 started, 2 ended' ? { title } : { title, problem: left };
}

async function runContract(started: Started): Promise<ContractReport> {
  const reports: ContractReport[] = [];
  const results: ContractResult[] = [];
  for (const place of places) {
    const { report, judged } = await runPlace(started, place);
    results.push(judged, ...report.results.map((result) => ({ ...result, title: `${result.title}, ${place.label}` })));
    for (const [what, digest] of Object.entries(report.bits)) {
      const first = reports[0]?.bits[what] ?? digest;
      if (first !== digest) {
        results.push({ title: `${what}, ${place.label}`, problem: `got other bits than in a worker: ${digest}` });
      }
    }
    reports.push(report);
  }
  results.push(await judgeThreads(started), ...(await judgePolicy(started)));
  const [first, ...rest] = reports;
  const starts = [...first!.starts, ...rest.flatMap((report, i) => report.starts.map((s) => `${s} ${SHORT[i]}`))];
  return { ...first!, starts, results, durationMs: reports.reduce((sum, { durationMs }) => sum + durationMs, 0) };
}

/** Of the table: the places but the first. */
const SHORT = ['(not isolated)', '(main thread)'];

async function takeFingerprint(started: Started, request: FingerprintRequest): Promise<FingerprintTaken> {
  const { model, images, start, isKilled, checkpointEvery, data } = request;
  const { isolated } = started;
  if (data === 'whole' && dataFolder() === undefined) throw new Error('The whole data set is not on this machine');
  const checkpoints = `/fingerprints/${path.basename(request.folder)}`;
  const asked: BrowserRequest<'fingerprint'> = {
    kind: 'fingerprint',
    request: {
      model,
      images,
      start,
      checkpointEvery,
      ...(data === 'whole' ? { data: new URL('data', isolated.address).href } : {}),
      ...(isKilled ? { checkpoints } : {}),
    },
  };
  for (let attempt = 1; isKilled; attempt++) {
    // The second file is begun when the first is whole.
    const file = JSON.stringify(`${checkpoints}/checkpoint-1.bin`);
    const ended = await withPage(started, isolated, (page) =>
      evaluate<unknown>(page, `untilThere(${file}, ${JSON.stringify(asked)})`),
    );
    if (ended === 'there') break;
    if (attempt === CLOSE_ATTEMPTS) throw new Error('It ended before its page was closed');
  }
  const taken: BrowserFingerprint = await withPage(started, isolated, (page) => ask(page, 'askWorker', asked));
  const { weights, kernels, engine, updates, updatesNow } = taken;
  if (isKilled && updatesNow === updates) throw new Error('It began anew after its page was closed');
  const isAsStarted =
    engine.sharedMemory === (start.sharedMemory ?? true) && (!start.threads || engine.threads === start.threads);
  if (!isAsStarted) throw new Error(`The engine started otherwise: ${JSON.stringify(engine)}`);
  return { weights, kernels };
}

async function open(kind: BrowserKind): Promise<RuntimeSession> {
  const version = versionOf(findBinary(kind)!);
  const site = await serveSite();
  const closeSite = async (): Promise<void> => {
    await site.isolated.close();
    await site.plain.close();
  };
  const browser = await startBrowser(kind).catch(async (error) => {
    await closeSite();
    throw error;
  });
  const started = { ...site, browser };
  return {
    version,
    reports: { name: kind.name, version: kind.reportedVersion(version) },
    hasThreads: true,
    runContract: () => runContract(started),
    takeFingerprint: (request) => takeFingerprint(started, request),
    close: async () => {
      await browser.close();
      await closeSite();
    },
  };
}

/** In the order they are run in. */
export const browserRuntimes: readonly RuntimeEntry[] = [chromium, firefox].map((kind) => ({
  kind: 'runtime',
  name: kind.name,
  packages: runtimesFolder,
  missing: () => missingBrowser(kind),
  open: () => open(kind),
}));
