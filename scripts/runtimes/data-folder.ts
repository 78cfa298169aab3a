// Where this machine has the whole data set, for runtimes that are served it by HTTP. Not a loader: digests are checked by who reads it.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fashionMnistDebianFolder, fashionMnistFiles } from '../../src/data/index.ts';
import { platform } from '../../src/platform/index.ts';

/** The folder of its four files; undefined if there is none. */
export function dataFolder(): string | undefined {
  const cache = path.join(platform.cacheFolder(), 'fashion-mnist');
  return [process.env.SELVEDGE_DATA, cache, fashionMnistDebianFolder].find(
    (folder) => folder && existsSync(path.join(folder, fashionMnistFiles.trainImages.name)),
  );
}
