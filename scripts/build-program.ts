// Bundles the command line for Node, dist/program/: our modules as one file and what is loaded on demand beside it, and tfjs by `require`.
// Not what libraries import: those are the modules of dist/. Invariant: its files are as deep as the modules that they are made of, so that
// `new URL('../../build/…', import.meta.url)` names the same file; packages stay outside, so that there is one tfjs.
import path from 'node:path';
import { build, type Plugin } from 'esbuild';

/** A file of the bundle, by its path below dist/. */
export interface ProgramFile {
  readonly file: string;
  readonly text: string;
}

/**
 * Node takes 270 ms to import the CommonJS of tfjs as modules, most of it to find out what they are and what they export, and 55 ms to
 * require it. The objects are the same.
 */
const requireTfjs: Plugin = {
  name: 'require-tfjs',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^@tensorflow\//, namespace: 'file' }, ({ path: name }) => ({
      path: name,
      namespace: 'required',
    }));
    onResolve({ filter: /.*/, namespace: 'required' }, ({ path: name }) => ({ path: name, external: true }));
    onLoad({ filter: /.*/, namespace: 'required' }, ({ path: name }) => ({
      contents: `module.exports = require(${JSON.stringify(name)});`,
    }));
  },
};

/** The program runs on Node alone: bin/selvedge.js sees to it. */
const chooseNode: Plugin = {
  name: 'choose-node',
  setup({ onResolve }) {
    onResolve({ filter: /^\.\/detect\.js$/ }, ({ resolveDir }) => ({ path: path.join(resolveDir, 'node.js') }));
  },
};

/**
 * Bundles the compiled modules.
 *
 * @param modules Folder of the modules that the compiler has emitted
 * @returns Its files, below `program/`
 */
export async function bundleProgram(modules: string): Promise<ProgramFile[]> {
  const { outputFiles } = await build({
    entryPoints: [path.join(modules, 'cli', 'main.js')],
    absWorkingDir: modules,
    outdir: path.join(modules, 'program'),
    write: false,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    plugins: [chooseNode, requireTfjs],
    banner: {
      js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);",
    },
    chunkNames: '[name]-[hash]',
    legalComments: 'none',
    minifyWhitespace: true,
    // tfjs serialises layers and optimisers under the names of their classes.
    keepNames: true,
    logLevel: 'silent',
  });
  return outputFiles.map(({ path: file, text }) => ({
    file: path.relative(modules, file).replaceAll('\\', '/'),
    text,
  }));
}
