// Which runtimes have queues. Not here: the packages behind them (database.ts).
import { SelvedgeError } from '../core/errors.ts';
import { platform } from '../platform/index.ts';

/** The oldest Node that pg-boss supports. */
const LEAST_NODE = [22, 12] as const;

/** Refuses a runtime on which pg-boss does not run. */
export function checkRuntime(
  { name, version }: { readonly name: string; readonly version: string } = platform.runtime,
): void {
  if (name !== 'node') return;
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > LEAST_NODE[0] || (major === LEAST_NODE[0] && minor >= LEAST_NODE[1])) return;
  throw new SelvedgeError(
    'queue/runtime',
    `Cannot use a queue on Node ${version}: pg-boss wants Node ${LEAST_NODE.join('.')} or later; everything else goes on without --queue`,
  );
}
