// selvedge build: build the engine's files of a checkout, or the modules of the package, on whatever runtime runs this; the package holds
// both built.
import { SelvedgeError } from '../core/errors.ts';
import { platform } from '../platform/index.ts';
import { command } from './command.ts';

/** Builds, tells what the compiler says, and answers with names and sizes of what was built. */
type Builder = (
  onOutput: (text: string) => void,
) => Promise<readonly { readonly file: string; readonly bytes: number }[]>;

async function loadScript<T>(script: URL): Promise<T> {
  if (!(await platform.files.status(platform.files.fromUrl(script)))) {
    throw new SelvedgeError(
      'build/absent',
      'Cannot build: the sources are part of the repository, not of the package, which holds everything built',
    );
  }
  return (await import(script.href)) as T;
}

/** Not a literal, so that no bundler takes it for a file of the program. */
const scriptUrl = (name: string): URL => new URL(['..', '..', 'scripts', name].join('/'), import.meta.url);

async function findBuilder(isPackage: boolean): Promise<Builder> {
  if (isPackage) return (await loadScript<{ buildPackage: Builder }>(scriptUrl('build-package.ts'))).buildPackage;
  return (await loadScript<{ buildEngine: Builder }>(scriptUrl('build-engine.ts'))).buildEngine;
}

export const build = command({
  name: 'build',
  description: 'Build the kernels of a checkout, and gather what goes with them',
  args: {
    package: { type: 'boolean', description: 'Compile the modules of the package, dist/, instead' },
  },
  async run(args, context) {
    const builder = await findBuilder(args.package === true);
    const built = await builder(context.writeError);
    const text = built.map(({ file, bytes }) => `${file}  ${(bytes / 1024).toFixed(1)} KB`).join('\n');
    return { json: { built }, text };
  },
});
