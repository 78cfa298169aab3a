// Makes the API reference from the docstrings, build/docs/, with the tools of docs/api/, which are fetched once.
// Not here: whether the examples in it hold (test/examples.test.ts). Invariant: a warning, an unresolved link for one, is a failure.
//
//   node --import tsx scripts/build-docs.ts
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describeFailure, runProcess } from './runtimes/run-process.ts';
import { installPackages, root } from './runtimes/runtime.ts';

const folder = path.join(root, 'docs', 'api');
const program = path.join(folder, 'node_modules', 'typedoc', 'bin', 'typedoc');

/**
 * Builds build/docs/.
 *
 * @param say Hears that tools are being fetched
 * @throws Error with what typedoc said
 */
export async function buildDocs(say: (line: string) => void): Promise<void> {
  if (!existsSync(program)) installPackages(folder, say);
  const ended = await runProcess(process.execPath, [program, '--options', 'typedoc.jsonc'], { cwd: folder });
  if (ended.code !== 0) throw new Error(describeFailure('typedoc', { ...ended, err: `${ended.out}${ended.err}` }));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await buildDocs(console.log);
  console.log('build/docs/index.html');
}
