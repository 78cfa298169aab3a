// The command line program. Everything it does is in the commands beside it.
import { platform } from '../platform/index.ts';
import { runProgram } from './command.ts';
import { commands } from './commands.ts';

const stop = new AbortController();
let interruptions = 0;
platform.onInterrupt(() => {
  stop.abort();
  // The first request lets a training write its checkpoint; whoever asks again wants out.
  if (++interruptions > 1) platform.exit(130);
});
const code = await runProgram(platform.args, commands, {
  cwd: platform.workingFolder(),
  signal: stop.signal,
  write: platform.terminal.write,
  writeError: platform.terminal.writeError,
});
platform.setExitCode(code);
