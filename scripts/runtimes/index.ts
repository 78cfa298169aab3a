// All that `npm run test:runtimes` runs, in this order; the bits of the first runtime are those that the others must have.
import { browserRuntimes } from './browsers.ts';
import { commands } from './commands.ts';
import { edgeRuntimes } from './edge.ts';
import { processRuntimes } from './processes.ts';
import type { Entry } from './runtime.ts';

export const entries: readonly Entry[] = [...processRuntimes, ...browserRuntimes, ...edgeRuntimes, ...commands];

/** The short form for CI: one runtime of each kind, the pipeline, and the examples. */
export const shortForm: readonly string[] = [
  'node-20',
  'bun',
  'deno',
  'chromium',
  'workerd',
  'workerd-nodejs',
  'pipeline',
  'pipeline-chromium',
  'examples',
];
