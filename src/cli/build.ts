// selvedge build: build the engine's files of a checkout, on whatever runtime runs this; the package holds them built.
import { SelvedgeError } from '../core/errors.ts';
import { platform } from '../platform/index.ts';
import { command } from './command.ts';

interface EngineBuilder {
  /** Names and sizes of the files that were built. */
  buildEngine(onOutput: (text: string) => void): Promise<readonly { readonly file: string; readonly bytes: number }[]>;
}

export const build = command({
  name: 'build',
  description: 'Build the kernels of a checkout, and gather what goes with them',
  args: {},
  async run(_, context) {
    const script = new URL('../../scripts/build-engine.ts', import.meta.url);
    if (!(await platform.files.status(platform.files.fromUrl(script)))) {
      throw new SelvedgeError(
        'build/absent',
        'Cannot build: the sources are part of the repository, not of the package, which holds everything built',
      );
    }
    const { buildEngine } = (await import(script.href)) as EngineBuilder;
    const built = await buildEngine(context.writeError);
    const text = built.map(({ file, bytes }) => `${file}  ${(bytes / 1024).toFixed(1)} KB`).join('\n');
    return { json: { built }, text };
  },
});
