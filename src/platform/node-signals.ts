// Exit codes of child processes that a signal ended: what `Platform.withSignalExitCodes` says. Not here: how children are started.
// Invariant: only children of the asynchronous context of `withSignalExitCodes` are touched.
import { AsyncLocalStorage } from 'node:async_hooks';
import type { ChildProcess } from 'node:child_process';
import diagnostics from 'node:diagnostics_channel';
import os from 'node:os';

const signalExitCodes = new AsyncLocalStorage<true>();

// What a process wrote before it was killed is in its pipes by then; what its orphans write later is nobody's.
const ORPHAN_OUTPUT_MS = 100;

/** Ends the output of a dead process although a child of its own still holds the pipe. */
function endOutput(child: ChildProcess): void {
  for (const stream of [child.stdout, child.stderr]) {
    if (!stream || stream.readableEnded || stream.destroyed) continue;
    stream.once('end', () => stream.destroy());
    stream.push(null);
  }
}

/**
 * Lets a child process of a context of `withSignalExitCodes` end with 128 + the number of the signal; others stay as they are.
 *
 * @param child Told of while it is being started
 */
export function reportSignalAsCode(child: ChildProcess): void {
  if (signalExitCodes.getStore() === undefined) return;
  const emit = child.emit.bind(child);
  child.emit = ((event: string, ...values: unknown[]) => {
    const [code, signal] = values;
    const ended = (event === 'exit' || event === 'close') && code === null && typeof signal === 'string';
    if (!ended) return emit(event, ...values);
    if (event === 'exit') setTimeout(endOutput, ORPHAN_OUTPUT_MS, child).unref();
    return emit(event, 128 + (os.constants.signals[signal as NodeJS.Signals] ?? 0), signal);
  }) as typeof child.emit;
}

const onStart = (message: unknown): void => reportSignalAsCode((message as { process: ChildProcess }).process);

/** As `Platform.withSignalExitCodes` says, once the children of the context are reported. */
export const inSignalContext = <T>(body: () => Promise<T>): Promise<T> => signalExitCodes.run(true, body);

/** As `Platform.withSignalExitCodes` says, where the runtime publishes each child that it starts: Node, Deno. */
export function withSignalExitCodes<T>(body: () => Promise<T>): Promise<T> {
  // Subscribing the same function twice calls it twice, hence never more than once in the list.
  diagnostics.unsubscribe('child_process', onStart);
  diagnostics.subscribe('child_process', onStart);
  return inSignalContext(body);
}
