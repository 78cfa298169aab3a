// The command line program. Everything it does is in the commands beside it.
import { platform } from '../platform/index.ts';
import { runProgram } from './command.ts';
import { commands } from './commands.ts';

platform.setExitCode(await runProgram(platform.args, commands));
