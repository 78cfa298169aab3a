// Results as files: JSON for programs, text for people, SVG for the README. `selvedge bench NAME --save` writes them.
// Not here: what is in them. Invariant: a benchmark overwrites its own results and no others.

import { platform } from '../src/platform/index.ts';
import { standaloneSvg } from '../src/report/index.ts';
import type { Benchmark, BenchmarkResult } from './benchmark.ts';

/** Beside the benchmarks. */
export const resultsFolder = (): string => platform.files.fromUrl(new URL('./results/', import.meta.url));

/**
 * Writes what a benchmark found out.
 *
 * @param benchmark Which one
 * @param result Its answer; `json` may hold more, such as the machine
 * @param options.model Where the benchmark depends on it
 * @param options.folder Default: bench/results
 * @returns Paths of the files
 */
export async function saveResult(
  benchmark: Pick<Benchmark, 'name' | 'usesModel'>,
  { json, text, figures = [] }: BenchmarkResult,
  { model, folder = resultsFolder() }: { readonly model?: string | undefined; readonly folder?: string },
): Promise<string[]> {
  const { files } = platform;
  const name = benchmark.usesModel && model !== undefined ? `${benchmark.name}-${model}` : benchmark.name;
  const contents: [string, string][] = [
    [`${name}.json`, `${JSON.stringify(json, null, 2)}\n`],
    [`${name}.txt`, `${text}\n`],
    ...figures.map((figure): [string, string] => {
      const end = figure.name === benchmark.name ? '' : `-${figure.name}`;
      return [`${name}${end}.svg`, standaloneSvg(figure)];
    }),
  ];
  const paths = contents.map(([file]) => files.join(folder, file));
  await Promise.all(contents.map(([, content], index) => files.write(paths[index]!, content)));
  return paths;
}
