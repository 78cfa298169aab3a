// Bundles of TypeScript for runtimes that run one script: a platform's file in place of the search for it. Not here: what runs them.
import path from 'node:path';
import { build, type Plugin } from 'esbuild';
import { root } from './runtime.ts';

export interface BundleOptions {
  /** TypeScript whose imports are relative to the project's root. */
  readonly source: string;
  readonly platform: 'browser' | 'edge';
  readonly format: 'esm' | 'iife';
  /** Whether the charts of reports, which are large, are in it. Default: false. */
  readonly charts?: boolean;
  /** Where `import.meta.url` says that the sources are, of a bundle that is not served from its own folder. */
  readonly base?: string;
}

const platformOf = (name: BundleOptions['platform']): Plugin => ({
  name: 'platform',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]src[\\/]platform[\\/]detect\.ts$/ }, ({ path: file }) => ({
      contents: `export { platform } from './${name}.ts';`,
      loader: 'ts',
      resolveDir: path.dirname(file),
    }));
  },
});

/**
 * Bundles a module with everything it imports.
 *
 * @returns The script
 */
export async function bundle({ source, platform, format, charts = false, base }: BundleOptions): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: source, resolveDir: root, loader: 'ts', sourcefile: 'entry.ts' },
    bundle: true,
    write: false,
    format,
    platform: 'browser',
    target: 'es2022',
    plugins: [platformOf(platform)],
    // What is loaded when it is used, which is not here: the text of help, bars of terminals; .wasm is for the runtime.
    external: ['citty', 'cli-progress', '*.wasm', ...(charts ? [] : ['vega', 'vega-lite', 'vega-interpreter'])],
    // All modules are two folders below the root.
    ...(base === undefined
      ? {}
      : { define: { 'import.meta.url': JSON.stringify(new URL('src/any/module.ts', base)) } }),
    logLevel: 'error',
  });
  return outputFiles[0]!.text;
}
