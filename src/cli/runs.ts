// selvedge runs: what there is below runs/, listed, compared, charted, given to MLflow, or cleared away.
// Not here: reading (run-list.ts). Invariant: nothing is deleted without --yes, and nothing outside of runs/.
import { SelvedgeError } from '../core/errors.ts';
import { logToMlflow, mlflowFiles } from '../experiments/index.ts';
import { platform } from '../platform/index.ts';
import { usageError } from './arguments.ts';
import { type CommandContext, type CommandOutput, command } from './command.ts';
import { type ListedRun, listRuns, mlflowRunOf } from './run-list.ts';

const { files } = platform;
const actions = ['list', 'compare', 'export', 'prune'] as const;
type Action = (typeof actions)[number];

export const runs = command({
  name: 'runs',
  description: 'List, compare and chart runs; give them to MLflow; clear away what they left',
  takesList: true,
  args: {
    action: { type: 'positional', description: `${actions.join(', ')} (default: list), then names of runs` },
    html: { type: 'string', valueHint: 'file', description: 'Write a page with their curves' },
    mlflow: {
      type: 'string',
      valueHint: 'place',
      description: 'With export: folder of a file store, or http://… of a server',
    },
    yes: { type: 'boolean', description: 'With prune: delete what it tells' },
  },
  async run({ _: [action = 'list', ...names], html, mlflow, yes }, context) {
    if (!actions.includes(action as Action))
      throw usageError(`Command "runs" got "${action}": expected ${actions.join(', ')}`);
    if (action !== 'export' && mlflow !== undefined) throw usageError('Option "--mlflow" needs "runs export"');
    if (action !== 'prune' && yes) throw usageError('Option "--yes" needs "runs prune"');
    if ((action === 'export' || action === 'prune') && html !== undefined)
      throw usageError('Option "--html" needs "runs list" or "runs compare"');
    const all = await listRuns(files.resolve(context.cwd, 'runs'));
    if (action === 'prune') return prune(all, names, yes === true, context);
    const chosen = names.length === 0 ? all : chooseRuns(all, names);
    if (action === 'export') return exportRuns(chosen, mlflow, context);
    if (action === 'compare' && names.length < 2)
      throw usageError('Command "runs compare" needs two names or more, as <run>/<model>');
    const page = html === undefined ? undefined : await writePage(chosen, files.resolve(context.cwd, html));
    const text = action === 'compare' ? comparison(chosen) : listing(chosen);
    return {
      json: { runs: chosen, ...(page && { page }) },
      text: [text, ...(page ? [`Page: ${page}`] : [])].join('\n'),
    };
  },
});

/** Those of these names: a whole run, or a model of it. */
function chooseRuns(all: readonly ListedRun[], names: readonly string[]): ListedRun[] {
  const known = all.map((run) => run.name).join(', ');
  return names.flatMap((name) => {
    const found = all.filter((run) => run.name === name || run.name.startsWith(`${name}/`));
    if (found.length > 0) return found;
    throw new SelvedgeError(
      'runs/not-found',
      `Cannot find run "${name}": ${known === '' ? 'there are none; train one: selvedge train' : `expected one of ${known}`}`,
    );
  });
}

const columns = ['Kind', 'Epochs', 'Test', 'Validation', 'Parameters', 'Minutes', 'Finished'] as const;

function cellsOf(run: ListedRun): string[] {
  const { kind, isFinished, epochs, accuracy, validationAccuracy, parameters, minutes, finishedAt } = run;
  return [
    isFinished || kind === 'unreadable' ? kind : `${kind}, unfinished`,
    String(epochs),
    accuracy?.toFixed(4) ?? '-',
    validationAccuracy?.toFixed(4) ?? '-',
    parameters === undefined ? '-' : String(parameters),
    minutes?.toFixed(1) ?? '-',
    finishedAt?.slice(0, 16).replace('T', ' ') ?? '-',
  ];
}

/** Accuracy by epoch as blocks of eight heights, each run from its least to its most. */
function sparkline(values: readonly number[]): string {
  const known = values.filter(Number.isFinite);
  const [least, most] = [Math.min(...known), Math.max(...known)];
  const levels = '▁▂▃▄▅▆▇█';
  return known
    .slice(-40)
    .map((value) => levels[most > least ? Math.floor((7.99 * (value - least)) / (most - least)) : 0])
    .join('');
}

const curveOf = ({ history }: ListedRun): number[] =>
  history.map(({ validationAccuracy, accuracy }) => validationAccuracy ?? accuracy);

function aligned(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  return rows
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function listing(all: readonly ListedRun[]): string {
  if (all.length === 0) return 'There are no runs here; train one: selvedge train';
  const rows = all.map((run) => [run.name, ...cellsOf(run), run.problem ?? sparkline(curveOf(run))]);
  return aligned([['Run', ...columns, 'Curve'], ...rows]);
}

/** Figures a run in a column, and the settings in which they differ. */
function comparison(chosen: readonly ListedRun[]): string {
  const cells = chosen.map(cellsOf);
  const settings = chosen.map((run) => mlflowRunOf(run).params);
  const keys = [...new Set(settings.flatMap((each) => Object.keys(each)))].toSorted();
  const differing = keys.filter((key) => new Set(settings.map((each) => each[key])).size > 1);
  const shorten = (text = '-'): string => (text.length > 40 ? `${text.slice(0, 37)}...` : text);
  return aligned([
    ['', ...chosen.map(({ name }) => name)],
    ...columns.map((title, i) => [title, ...cells.map((row) => row[i]!)]),
    ['Curve', ...chosen.map((run) => sparkline(curveOf(run)))],
    ...differing.map((key) => [key, ...settings.map((each) => shorten(each[key]))]),
  ]);
}

async function writePage(chosen: readonly ListedRun[], path: string): Promise<string> {
  const { renderRunsReport } = await import('../report/index.ts');
  const shown = chosen.map((run) => ({
    name: run.name,
    cells: cellsOf(run),
    training: run.history.map(({ accuracy }) => accuracy),
    validation: run.history.flatMap(({ validationAccuracy }) => validationAccuracy ?? []),
  }));
  await files.write(path, await renderRunsReport(shown, columns));
  return path;
}

async function exportRuns(
  chosen: readonly ListedRun[],
  place: string | undefined,
  context: CommandContext,
): Promise<CommandOutput> {
  if (place === undefined)
    throw usageError('Command "runs export" needs "--mlflow": a folder, or http://… of a server');
  const finished = chosen.filter(({ kind, isFinished }) => isFinished && kind !== 'unreadable').map(mlflowRunOf);
  if (finished.length === 0)
    throw new SelvedgeError('runs/none', 'Cannot export runs: expected one that is finished, got none');
  const counted = `${finished.length} ${finished.length === 1 ? 'run' : 'runs'}`;
  if (/^https?:\/\//.test(place)) {
    const ids = await logToMlflow(place, finished);
    return { json: { server: place, runs: ids }, text: `${counted} logged to ${place}` };
  }
  const folder = files.resolve(context.cwd, place);
  const written = await mlflowFiles(finished);
  // What says that a run is there comes last.
  const order = [...written].toSorted(([a], [b]) => Number(a.endsWith('meta.yaml')) - Number(b.endsWith('meta.yaml')));
  for (const [path, text] of order) await files.write(files.join(folder, ...path.split('/')), text);
  return {
    json: { folder, runs: finished.map(({ experiment, name }) => `${experiment}/${name}`), files: written.size },
    text: `${folder}: ${counted} in ${written.size} files`,
  };
}

/** Named runs whole; without names, checkpoints of trainings that are finished. */
async function prune(
  all: readonly ListedRun[],
  names: readonly string[],
  isSure: boolean,
  context: CommandContext,
): Promise<CommandOutput> {
  const paths: string[] = [];
  if (names.length > 0) paths.push(...chooseRuns(all, names).map(({ folder }) => folder));
  else {
    for (const { folder } of all.filter(({ kind, isFinished }) => kind === 'training' && isFinished))
      for (const name of await files.list(folder))
        if (/^checkpoint-\d+\.bin$/.test(name)) paths.push(files.join(folder, name));
  }
  const runsFolder = files.resolve(context.cwd, 'runs');
  for (const path of paths) {
    if (path.startsWith(runsFolder)) continue;
    throw new SelvedgeError('runs/outside', `Cannot delete "${path}": expected a path inside of "${runsFolder}"`);
  }
  let bytes = 0;
  for (const path of paths) bytes += await sizeOf(path);
  if (isSure) for (const path of paths) await files.remove(path);
  const what = `${paths.length} ${paths.length === 1 ? 'path' : 'paths'}, ${(bytes / 1e6).toFixed(1)} MB`;
  const verdict =
    paths.length === 0 ? 'Nothing to delete' : isSure ? `Deleted ${what}` : `Would delete ${what}; do so by --yes`;
  return { json: { paths, bytes, deleted: isSure }, text: [...paths, verdict].join('\n') };
}

async function sizeOf(path: string): Promise<number> {
  const status = await files.status(path);
  if (!status?.isFolder) return status?.bytes ?? 0;
  let sum = 0;
  for (const name of await files.list(path)) sum += await sizeOf(files.join(path, name));
  return sum;
}
