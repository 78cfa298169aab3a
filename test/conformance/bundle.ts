// Bundles tfjs-core's own test suite with our backend's sources, so that both share one copy of tfjs-core.
// Not here: running it (run.ts). Invariant: every package with side effects is kept whole, or kernels and gradients go missing.
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build, type Plugin } from 'esbuild';

const root = fileURLToPath(new URL('../..', import.meta.url));
const require = createRequire(import.meta.url);

/** Our sources find wasm files and workers beside themselves: they keep their own addresses inside the bundle. */
const ownAddresses: Plugin = {
  name: 'own-addresses',
  setup(bundle) {
    bundle.onLoad({ filter: /\.[tj]s$/ }, async ({ path: file }) => {
      if (!file.startsWith(path.join(root, 'src') + path.sep)) return undefined;
      const source = await readFile(file, 'utf8');
      return {
        contents: source.replaceAll('import.meta.url', JSON.stringify(pathToFileURL(file).href)),
        loader: file.endsWith('.ts') ? 'ts' : 'js',
      };
    });
  },
};

/** The emscripten glue reads `__dirname` and `require`: it stays a file of its own. */
const glueOutside: Plugin = {
  name: 'glue-outside',
  setup(bundle) {
    bundle.onResolve({ filter: /\/wasm-out\// }, ({ path: asked }) => ({
      path: require.resolve(`@tensorflow/tfjs-backend-wasm/wasm-out/${asked.split('/wasm-out/')[1]}`),
      external: true,
    }));
  },
};

/** tfjs-core's test file asks for jasmine by a path that the package no longer exports, only to set a time limit. */
const installedJasmine: Plugin = {
  name: 'installed-jasmine',
  setup(bundle) {
    bundle.onResolve({ filter: /^jasmine-core\/lib\// }, () => ({ path: 'jasmine', namespace: 'installed-jasmine' }));
    bundle.onLoad({ filter: /.*/, namespace: 'installed-jasmine' }, () => ({
      contents: 'exports.core = () => globalThis.jasmine;',
    }));
  },
};

/**
 * Bundles the suite.
 *
 * @param outfile Where the bundle goes, an ES module; inside the project, so that packages are found from it
 */
export async function bundleSuite(outfile: string): Promise<void> {
  await build({
    entryPoints: [fileURLToPath(new URL('./suite.ts', import.meta.url))],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    mainFields: ['module', 'main'],
    ignoreAnnotations: true,
    logLevel: 'error',
    // CommonJS packages inside the bundle call require.
    banner: {
      js: "import { createRequire as createRequireOfBundle } from 'node:module';\nconst require = createRequireOfBundle(import.meta.url);",
    },
    plugins: [ownAddresses, glueOutside, installedJasmine],
  });
}
