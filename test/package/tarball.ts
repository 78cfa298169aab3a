// Checks of the packed file itself, by the field's own linters. Invariant: warnings are failures too.
import path from 'node:path';
import { buildDocs } from '../../scripts/build-docs.ts';
import { type Check, run, toolsFolder } from './check.ts';

const tool = (...parts: string[]): string => path.join(toolsFolder, 'node_modules', ...parts);

export const tarballChecks: readonly Check[] = [
  {
    title: 'publint finds nothing',
    async run({ file, folder }) {
      await run(folder, process.execPath, tool('publint', 'src', 'cli.js'), 'run', '--strict', file);
      return undefined;
    },
  },
  {
    title: 'attw finds types for every entry, for ESM and for bundlers',
    async run({ file, folder }) {
      const program = tool('@arethetypeswrong', 'cli', 'dist', 'index.js');
      await run(folder, process.execPath, program, '--profile', 'esm-only', '--format', 'ascii', file);
      return undefined;
    },
  },
  {
    title: 'typedoc makes the API reference, all of it documented, every link resolved',
    async run() {
      await buildDocs(() => {});
      return undefined;
    },
  },
];
