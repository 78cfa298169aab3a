// Runs tfjs-core's own test suite on our backend and prints the count. Part of the gate; not a unit test.
// Invariant: a spec that fails must be listed in exclusions.json with its reason, and a listed spec must fail, so the list
// only ever shrinks.
//
//   node --import tsx test/conformance/run.ts [--threads N] [--unshared] [--grep TEXT]
import { mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import jasmineCore, { type SpecResult } from 'jasmine-core';
import type { RunningBackend } from '../../src/backend/index.ts';
import { bundleSuite } from './bundle.ts';
import exclusions from './exclusions.json' with { type: 'json' };

/** Specs that tfjs-core 4.22.0 declares for a backend with synchronous reads, on Node. */
const EXPECTED_SPECS = 4230;
/** As in tfjs-core's own runner. */
const SPEC_TIMEOUT_MS = 20_000;

const { jasmine } = jasmineCore;
const { values: options } = parseArgs({
  options: {
    threads: { type: 'string', default: '2' },
    unshared: { type: 'boolean', default: false },
    grep: { type: 'string', default: '' },
  },
});

interface Exclusion {
  /** Full name of the spec. */
  readonly spec: string;
  readonly reason: string;
}

/** Runs every declared spec in order. */
async function runSpecs(): Promise<SpecResult[]> {
  const results: SpecResult[] = [];
  const env = jasmine.getEnv();
  env.clearReporters();
  env.addReporter({
    specDone: (result) => {
      results.push(result);
    },
    suiteDone: (result) => {
      if (result.status === 'failed') results.push(result);
    },
  });
  await env.execute();
  return results.filter(({ status }) => status !== 'excluded');
}

/** Prints failures that are not excluded and exclusions that do not fail; returns how many. */
function judge(results: readonly SpecResult[]): { failed: number; excluded: number } {
  const reasons = new Map((exclusions as readonly Exclusion[]).map(({ spec, reason }) => [spec, reason]));
  let failed = 0;
  let excluded = 0;
  const seen = new Set<string>();
  for (const { fullName, status, failedExpectations } of results) {
    seen.add(fullName);
    const isExcluded = reasons.has(fullName);
    if (status === 'failed' && !isExcluded) {
      failed++;
      console.error(
        `FAILED ${fullName}\n    ${failedExpectations.map(({ message }) => message.slice(0, 300)).join('\n    ')}`,
      );
    } else if (status === 'failed') excluded++;
    else if (isExcluded) {
      failed++;
      console.error(`PASSES, but is listed in exclusions.json; take it out: ${fullName}`);
    }
  }
  for (const spec of reasons.keys()) {
    if (seen.has(spec) || !spec.includes(options.grep)) continue;
    failed++;
    console.error(`NOT A SPEC, but is listed in exclusions.json: ${spec}`);
  }
  return { failed, excluded };
}

/** Runs with a console that drops some of what it is given. */
async function silenced<T>(methods: readonly ('error' | 'log' | 'warn')[], run: () => T | Promise<T>): Promise<T> {
  const kept = methods.map((method) => console[method]);
  for (const method of methods) console[method] = () => {};
  try {
    return await run();
  } finally {
    methods.forEach((method, i) => {
      console[method] = kept[i]!;
    });
  }
}

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = await mkdtemp(path.join(root, 'build', 'conformance-'));
try {
  const bundle = path.join(folder, 'suite.mjs');
  await bundleSuite(bundle);
  jasmineCore.installGlobals(globalThis);
  // tfjs-core gives some suites the same name, and jasmine calls the setting that allows it deprecated.
  await silenced(['error'], () =>
    jasmine.getEnv().configure({
      random: false,
      forbidDuplicateNames: false,
      specFilter: (spec) => spec.getFullName().includes(options.grep),
    }),
  );
  jasmine.DEFAULT_TIMEOUT_INTERVAL = SPEC_TIMEOUT_MS;
  process.env.CONFORMANCE_THREADS = options.threads;
  process.env.CONFORMANCE_MEMORY = options.unshared ? 'unshared' : 'shared';
  const { engine } = (await import(pathToFileURL(bundle).href)) as { engine: RunningBackend };
  const { threads, sharedMemory } = engine.info;
  const results = await silenced(['log', 'warn'], runSpecs);
  const { failed, excluded } = judge(results);
  const skipped = results.filter(({ status }) => status === 'pending').length;
  await engine.stop();
  console.log(
    `tfjs-core suite on wasm (${sharedMemory ? `${threads} threads` : 'unshared memory'}): ` +
      `${results.length} specs, ${failed} failed, ${excluded} excluded, ${skipped} that tfjs itself skips`,
  );
  if (failed > 0) process.exitCode = 1;
  if (options.grep === '' && results.length < EXPECTED_SPECS) {
    console.error(`Expected ${EXPECTED_SPECS} specs, ran ${results.length}: a part of the suite was not found`);
    process.exitCode = 1;
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
