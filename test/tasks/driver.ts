// A program with the `task` command, run as a process of its own by tests: `node --import tsx driver.ts [task options] name …`.
// Its one command, `ours`, prints its arguments; `ours wait` prints "waiting" and ends when it is told to stop.
import { messageOf } from '../../src/core/errors.ts';
import { platform } from '../../src/platform/index.ts';
import { parseTaskArguments, runTaskCommand, type TaskCommands } from '../../src/tasks/index.ts';

const commands: TaskCommands = {
  ours: async (args, { write, signal, inherited }) => {
    if (args[0] !== 'wait') {
      write(`ours ${args.join(' ')} ${inherited}\n`);
      return 0;
    }
    write('waiting\n');
    const alive = setInterval(() => {}, 1000);
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    clearInterval(alive);
    write('stopped\n');
    return 130;
  },
};

const controller = new AbortController();
platform.onInterrupt(() => controller.abort());
try {
  const args = parseTaskArguments(platform.args);
  platform.setExitCode(await runTaskCommand({ args, commands, signal: controller.signal }));
} catch (error) {
  platform.terminal.writeError(`${messageOf(error)}\n`);
  platform.setExitCode(2);
}
