// selvedge data: find the data set, check it, and say where it came from.
import { type LoadedData, loadFashionMnist } from '../data/sources.ts';
import { platform } from '../platform/index.ts';
import { type CommandContext, command } from './command.ts';
import { untilInterrupted } from './interruption.ts';
import { dataOption } from './options.ts';

/** Loads Fashion-MNIST and passes on what the user should know. */
export async function loadData(context: CommandContext, folder: string | undefined): Promise<LoadedData> {
  let shown = -1;
  const load = (): Promise<LoadedData> =>
    loadFashionMnist({
      folder: folder && platform.files.resolve(context.cwd, folder),
      onProgress: ({ name, receivedBytes, totalBytes }) => {
        const percent = totalBytes ? Math.floor((10 * receivedBytes) / totalBytes) * 10 : 0;
        if (percent === shown) return;
        shown = percent;
        context.writeError(`Fetching ${name}: ${percent}%\n`);
      },
    });
  const loaded = await untilInterrupted(load, context.signal);
  for (const notice of loaded.notices) context.writeError(`${notice}\n`);
  return loaded;
}

export const data = command({
  name: 'data',
  description: 'Find, fetch and check the Fashion-MNIST files',
  args: dataOption,
  async run({ data: folder }, context) {
    const { train, test, source, notices } = await loadData(context, folder);
    const shape = [train.height, train.width, train.channels];
    return {
      json: { source, train: train.count, test: test.count, shape, classNames: train.classNames, notices },
      text: [
        `Fashion-MNIST from ${source.description}${source.isSample ? ' (a sample, not the whole)' : ''}`,
        `${train.count} training and ${test.count} test images of ${shape.join('x')}, ${train.classNames.length} classes`,
        ...source.files.map(({ name, sha256 }) => `  ${sha256}  ${name}`),
      ].join('\n'),
    };
  },
});
