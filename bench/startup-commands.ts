// Commands from the start of their process: `info`, `data` and `predict` to their end, `train` to its first update; in this checkout and as the
// package that npm packs of it. Part of `selvedge bench startup`. Invariant: each repetition is a process, and all take turns.
import { SelvedgeError } from '../src/core/errors.ts';
import { loadFashionMnist } from '../src/data/index.ts';
import { platform } from '../src/platform/index.ts';
import { encodeGrayPng } from '../src/report/index.ts';
import { type Disturbance, watch } from './disturbance.ts';
import { type Spread, spreadOf, spreadText } from './statistics.ts';

/** One command in one place. */
export interface CommandStart {
  readonly command: string;
  readonly place: 'checkout' | 'packaged';
  readonly wallMs: Spread;
  /** Processor time of all threads outside the kernel, and in it. */
  readonly userMs: Spread;
  readonly systemMs: Spread;
}

export interface CommandStarts {
  readonly commands: readonly CommandStart[];
  readonly disturbances: readonly Disturbance[];
}

interface Taken {
  readonly wallMs: number;
  readonly userMs: number;
  readonly systemMs: number;
  readonly processorMs: number;
}

interface Row {
  readonly command: string;
  readonly place: CommandStart['place'];
  readonly program: string;
  readonly args: readonly string[];
  readonly taken: Taken[];
}

const root = platform.files.fromUrl(new URL('../', import.meta.url));
const { join } = platform.files;

/**
 * Measures them all.
 *
 * @param options Threads, the folder of the data set, how often each has a turn, and who hears of it
 * @throws SelvedgeError `bench/startup` where dist/ is not of these sources, nothing can be packed, or a command fails
 */
export async function measureCommands({
  threads,
  data,
  rounds,
  onProgress,
}: {
  readonly threads: number;
  readonly data: string | undefined;
  readonly rounds: number;
  readonly onProgress?: ((line: string) => void) | undefined;
}): Promise<CommandStarts> {
  await refuseStale();
  // Inside the checkout, where Node finds the packages that it needs.
  const folder = join(root, 'build', 'bench-startup');
  try {
    const packaged = await unpackPackage(folder);
    const rows = await rowsOf({ folder, packaged, threads, data });
    const disturbances: Disturbance[] = [];
    // The first of each fills the caches of the disk.
    for (const row of rows) await start(row, folder);
    for (let round = 0; round < rounds; round++) {
      onProgress?.(`commands, round ${round + 1} of ${rounds}`);
      for (const row of rows) {
        const { result, disturbance } = await watch(
          () => start(row, folder),
          ({ processorMs }) => processorMs,
        );
        row.taken.push(result);
        disturbances.push(disturbance);
      }
    }
    const commands = rows.map(({ command, place, taken }) => ({
      command,
      place,
      wallMs: spreadOf(taken.map(({ wallMs }) => wallMs)),
      userMs: spreadOf(taken.map(({ userMs }) => userMs)),
      systemMs: spreadOf(taken.map(({ systemMs }) => systemMs)),
    }));
    return { commands, disturbances };
  } finally {
    await platform.files.remove(folder);
  }
}

/** A line a command and place. */
export function commandLines(commands: readonly CommandStart[]): string[] {
  const ms = (value: number): string => value.toFixed(0);
  return [
    `${'command'.padEnd(24)} ${'place'.padEnd(10)} ${'wall, ms'.padEnd(20)} user, ms`,
    ...commands.map(({ command, place, wallMs, userMs }) =>
      [command.padEnd(24), place.padEnd(10), spreadText(wallMs, ms).padEnd(20), spreadText(userMs, ms)].join(' '),
    ),
  ];
}

const failed = (reason: string): SelvedgeError =>
  new SelvedgeError('bench/startup', `Cannot measure the start: ${reason}`);

async function refuseStale(): Promise<void> {
  const { isFresh } = await import('../scripts/program.js');
  if (!isFresh(root)) throw failed('dist/ is not of these sources; run npm run build');
}

/** @returns The command line of the package */
async function unpackPackage(folder: string): Promise<string> {
  await platform.files.remove(folder);
  await platform.files.makeFolder(folder);
  const inFolder = async (command: string, args: readonly string[], cwd: string): Promise<string> => {
    const { code, stdout, stderr } = await platform.runCommand(command, args, { cwd });
    if (code !== 0) throw failed(`${command} ended with code ${code}: ${stderr.trim()}`);
    return stdout;
  };
  const packed = await inFolder('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder], root);
  const [{ filename }] = JSON.parse(packed) as [{ filename: string }];
  await inFolder('tar', ['-xzf', filename], folder);
  return join(folder, 'package', 'bin', 'selvedge.js');
}

async function rowsOf(options: {
  readonly folder: string;
  readonly packaged: string;
  readonly threads: number;
  readonly data: string | undefined;
}): Promise<Row[]> {
  const { folder, packaged } = options;
  const from = options.data === undefined ? [] : ['--data', platform.files.resolve(options.data)];
  const threads = ['--threads', String(options.threads)];
  const { train } = await loadFashionMnist({ folder: options.data });
  const { width, height } = train;
  const picture = join(folder, 'picture.png');
  await platform.files.write(
    picture,
    encodeGrayPng({ width, height, pixels: train.images.subarray(0, width * height) }),
  );
  const commands: Readonly<Record<string, readonly string[]>> = {
    info: ['info', ...threads],
    data: ['data', ...from],
    predict: ['predict', picture, ...threads],
    'train, to first update': [
      'train',
      '--epochs',
      '1',
      '--examples',
      '128',
      '--again',
      '--verbose',
      ...threads,
      ...from,
    ],
  };
  const programs = { checkout: join(root, 'bin', 'selvedge.js'), packaged };
  return Object.entries(commands).flatMap(([command, args]) =>
    (['checkout', 'packaged'] as const).map((place) => ({ command, place, program: programs[place], args, taken: [] })),
  );
}

async function start({ command, program, args }: Row, folder: string): Promise<Taken> {
  const script = platform.scriptCommand(new URL('./startup-command.js', import.meta.url));
  const { code, stderr } = await platform.runCommand(script.command, [...script.args, program, ...args], {
    cwd: folder,
  });
  if (code !== 0) throw failed(`${command} ended with code ${code}: ${stderr.trim()}`);
  return JSON.parse(stderr.trim().split('\n').at(-1)!) as Taken;
}
