// selvedge build: build the kernels of a checkout, on whatever runtime runs this; the package holds them built.
import { SelvedgeError } from '../core/errors.ts';
import { platform } from '../platform/index.ts';
import { command } from './command.ts';

interface KernelBuilder {
  /** Names and sizes of the files that were built. */
  buildKernels(onOutput: (text: string) => void): Promise<readonly { readonly file: string; readonly bytes: number }[]>;
}

export const build = command({
  name: 'build',
  description: 'Build the AssemblyScript kernels of a checkout',
  args: {},
  async run(_, context) {
    const script = new URL('../../scripts/build-kernels.ts', import.meta.url);
    if (!(await platform.files.status(platform.files.fromUrl(script)))) {
      throw new SelvedgeError(
        'build/absent',
        'Cannot build the kernels: their sources are part of the repository, not of the package, which holds them built',
      );
    }
    const { buildKernels } = (await import(script.href)) as KernelBuilder;
    const built = await buildKernels(context.writeError);
    const text = built.map(({ file, bytes }) => `${file}  ${(bytes / 1024).toFixed(1)} KB`).join('\n');
    return { json: { built }, text };
  },
});
