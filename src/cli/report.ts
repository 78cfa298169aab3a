// selvedge report: draw the figures of a run and write its report. selvedge explore: the figures that need no training.
import { platform } from '../platform/index.ts';
import { drawStudyFigures, type StudyFigure } from '../report/study-figures.ts';
import { renderStudyReport } from '../report/study-report.ts';
import { standaloneSvg } from '../report/svg.ts';
import { command } from './command.ts';
import { loadData, loadRunData } from './data.ts';
import { pictureOptions, readChoices } from './data-options.ts';
import { checkThreads, dataFolder, dataOption, runFolder, runOption, threadsOption, useEngine } from './options.ts';
import { runPaths } from './run-files.ts';
import { gatherExploration, gatherStudy, sourceOfRun } from './study.ts';

export const explore = command({
  name: 'explore',
  description: 'Count labels and show samples of both sets',
  args: { ...runOption, ...dataOption, ...pictureOptions },
  async run(args, context) {
    const { run, data } = args;
    const folder = runFolder(context, run);
    const request = { choices: await readChoices(args, context), storeFolder: dataFolder(context, run) };
    const input = gatherExploration(await loadData(context, data, request));
    const written = await writeFigures(folder, await drawStudyFigures(input));
    const { classNames, training, test } = input;
    const width = Math.max(...classNames.map((name) => name.length));
    return {
      json: { folder, figures: written, classNames, training: training.labelCounts, test: test.labelCounts },
      text: [
        `${'class'.padEnd(width)}  training   test`,
        ...classNames.map(
          (name, i) =>
            `${name.padEnd(width)}  ${String(training.labelCounts[i]).padStart(8)}  ${String(test.labelCounts[i]).padStart(5)}`,
        ),
        ...written,
      ].join('\n'),
    };
  },
});

export const report = command({
  name: 'report',
  description: 'Write the figures and the report of a run',
  args: { ...runOption, ...dataOption, ...threadsOption },
  async run({ run, data, threads }, context) {
    const folder = runFolder(context, run);
    checkThreads(threads);
    const source = await sourceOfRun(folder);
    const loading = source ? loadRunData(context, data, source, dataFolder(context, run)) : loadData(context, data);
    const [loaded] = await Promise.all([loading, useEngine(threads)]);
    const input = await gatherStudy({ name: run, folder }, loaded);
    const figures = await drawStudyFigures(input);
    const written = await writeFigures(folder, figures);
    await removeOtherFigures(folder, written);
    const path = runPaths.report(folder);
    await platform.files.write(path, await renderStudyReport(input, figures));
    return {
      json: {
        report: path,
        figures: written,
        models: input.models.map(({ name, evaluation }) => ({ name, accuracy: evaluation.accuracy })),
      },
      text: [
        ...input.models.map(({ name, evaluation }) => `${name}: test accuracy ${evaluation.accuracy.toFixed(4)}`),
        `Report: ${platform.files.resolve(path)}`,
      ].join('\n'),
    };
  },
});

async function writeFigures(folder: string, figures: readonly StudyFigure[]): Promise<string[]> {
  const written: string[] = [];
  for (const panel of figures.flatMap(({ panels }) => panels)) {
    const path = runPaths.figure(folder, panel.name);
    await platform.files.write(path, standaloneSvg(panel));
    written.push(path);
  }
  return written;
}

/** Figures of an earlier report may have other numbers. */
async function removeOtherFigures(folder: string, written: readonly string[]): Promise<void> {
  const { files } = platform;
  const figures = files.join(folder, 'figures');
  for (const name of await files.list(figures)) {
    const path = files.join(figures, name);
    if (name.endsWith('.svg') && !written.includes(path)) await files.remove(path);
  }
}
