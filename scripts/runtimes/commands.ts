// Commands that belong to the runtimes and count for themselves: the pipeline on Node, Bun and Deno and in browsers, the page, the packed package.
// An entry is a file that tests.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { chromium, findBinary, firefox, missingBrowser } from './browser-drivers.ts';
import { bun, deno, missingBinary } from './processes.ts';
import { type CommandEntry, root, runtimesFolder } from './runtime.ts';

/** A TypeScript file of tests that runs on this Node. */
function script(name: string, file: string, rest: Pick<CommandEntry, 'packages' | 'missing'>): CommandEntry {
  return {
    kind: 'command',
    name,
    command: process.execPath,
    args: ['--import', 'tsx', path.join(root, file)],
    ...rest,
  };
}

export const commands: readonly CommandEntry[] = [
  script('pipeline', 'test/runtimes/pipeline.ts', {
    packages: runtimesFolder,
    missing: () => missingBinary(bun) ?? missingBinary(deno),
  }),
  ...[chromium, firefox].map((kind) => {
    const entry = script(`pipeline-${kind.name}`, 'test/runtimes/browser-pipeline.ts', {
      packages: runtimesFolder,
      missing: () => missingBrowser(kind),
    });
    return { ...entry, args: [...entry.args, kind.name] };
  }),
  ...[chromium, firefox].map((kind) => {
    const packages = path.join(root, 'web');
    const entry = script(`page-${kind.name}`, 'web/test/main.ts', {
      packages,
      missing: () =>
        findBinary(kind) === undefined
          ? missingBrowser(kind)
          : existsSync(path.join(packages, 'node_modules'))
            ? undefined
            : 'npm ci --ignore-scripts in web',
    });
    return { ...entry, args: [...entry.args, kind.name] };
  }),
  script('examples', 'scripts/test-examples.ts', {
    packages: runtimesFolder,
    missing: () => missingBinary(bun) ?? missingBinary(deno),
  }),
  script('package', 'scripts/test-package.ts', {
    packages: path.join(root, 'test', 'package'),
    missing: () =>
      existsSync(path.join(root, 'test', 'package', 'node_modules'))
        ? undefined
        : 'npm ci --ignore-scripts in test/package',
  }),
];
