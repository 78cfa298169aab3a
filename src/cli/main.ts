// The command line program. Everything it does is in the commands beside it.
import { platform } from '../platform/index.ts';
import { exitCodes, runProgram } from './command.ts';
import { commands } from './commands.ts';

/** npm passes on the Ctrl-C that the terminal has sent us already: what comes so soon is the same one. */
const ECHO_MS = 1_000;

const stop = new AbortController();
let interruptedMs: number | undefined;
platform.onInterrupt(() => {
  stop.abort();
  // The first request lets a training write its checkpoint; whoever asks again wants out.
  if (interruptedMs !== undefined && platform.now() - interruptedMs > ECHO_MS) platform.exit(exitCodes.interrupted);
  interruptedMs ??= platform.now();
});
const code = await runProgram(platform.args, commands, {
  cwd: platform.workingFolder(),
  signal: stop.signal,
  write: platform.terminal.write,
  writeError: platform.terminal.writeError,
});
// A command that was abandoned may still be at work.
if (stop.signal.aborted) platform.exit(code);
platform.setExitCode(code);
