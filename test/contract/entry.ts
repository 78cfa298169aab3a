// Runs the contract suite as a program, on Node, Bun or Deno: a line for each test that fails, and the report as JSON on the last line.
// Argument: a folder for files.
import { platform } from '../../src/platform/index.ts';
import { runContract } from './contract.ts';

const { writeError, write } = platform.terminal;
const report = await runContract({
  folder: platform.args[0]!,
  onTest: ({ title, problem }) => {
    if (problem !== undefined) writeError(`FAILED ${title}\n${problem}\n`);
  },
});
write(`${JSON.stringify(report)}\n`);
platform.setExitCode(report.results.some(({ problem }) => problem !== undefined) ? 1 : 0);
