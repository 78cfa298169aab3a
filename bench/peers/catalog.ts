// Who can take part: ourselves and the peers, what each can do, at which settings it is tried, and how it is started.
// Not here: measuring. Invariant: the grid of a peer is listed here and nowhere else; the best of it counts.
import { SelvedgeError } from '../../src/core/errors.ts';
import { platform } from '../../src/platform/index.ts';
import type { Program } from './contestant.ts';
import type { Settings, Task } from './protocol.ts';

export interface Peer {
  readonly name: string;
  /** Whether our own code does the work. */
  readonly isOurs: boolean;
  readonly tasks: readonly Task[];
  /** Whether it is built from the graph, which has fewer kinds of layers than tfjs. */
  readonly needsGraph: boolean;
  /**
   * @param threads What the benchmark may use
   * @returns Settings to try, at least one
   */
  grid(task: Task, threads: number): readonly Settings[];
  /**
   * How to start it, or why it cannot be.
   *
   * @param python The interpreter to take, for peers that need one; default: the first that has what they need
   * @throws SelvedgeError `bench/python` for a named interpreter that does not do
   */
  find(python?: string): Promise<Program | { readonly absent: string }>;
}

/** Installs the peers that npm has. */
export const INSTALL_NPM_PEERS = 'npm --prefix bench/peers ci --ignore-scripts';
/** Installs PyTorch on Debian. */
export const INSTALL_PYTORCH = 'apt-get install python3-torch libopenblas0-pthread';
/** Installs Keras, which Debian has not, for an interpreter that `--python` names. */
export const INSTALL_KERAS = 'pip install keras tensorflow-cpu';

const script = (file: string): Program => platform.scriptCommand(new URL(`./${file}`, import.meta.url));

const eachThreads = (threads: number): readonly number[] => [...new Set([1, threads])];
const either = [true, false];

/** A package of bench/peers/package.json. */
async function findPackage(name: string, file: string): Promise<Program | { readonly absent: string }> {
  const place = new URL(`./node_modules/${name}/package.json`, import.meta.url);
  const isThere = await platform.files.status(platform.files.fromUrl(place));
  return isThere ? script(file) : { absent: `${name} is not installed: run ${INSTALL_NPM_PEERS}` };
}

export const selvedge: Peer = {
  name: 'selvedge',
  isOurs: true,
  tasks: ['training', 'inference'],
  needsGraph: false,
  grid: (_, threads) => [{ threads }],
  find: async () => script('selvedge.ts'),
};

const tfjsOnOurs: Peer = {
  name: 'tfjs model.fit on selvedge',
  isOurs: true,
  tasks: ['training'],
  needsGraph: false,
  grid: (_, threads) => [{ backend: 'selvedge', threads }],
  find: async () => script('tfjs.ts'),
};

const tfjs = (backend: 'cpu' | 'wasm', tasks: readonly Task[]): Peer => ({
  name: `tfjs ${backend}`,
  isOurs: false,
  tasks,
  needsGraph: false,
  // On Node its wasm backend has one thread, whatever one sets.
  grid: () => [{ backend }],
  find: async () => script('tfjs.ts'),
});

const onnxruntime = (name: 'onnxruntime-web' | 'onnxruntime-node'): Peer => ({
  name,
  isOurs: false,
  tasks: ['inference'],
  needsGraph: true,
  grid: (_, threads) => eachThreads(threads).map((count) => ({ package: name, threads: count })),
  find: () => findPackage(name, 'onnxruntime.ts'),
});

const jax: Peer = {
  name: 'jax-js',
  isOurs: false,
  tasks: ['training', 'inference'],
  needsGraph: true,
  grid: (_, threads) => eachThreads(threads).map((count) => ({ threads: count })),
  find: () => findPackage('@jax-js/jax', 'jax.ts'),
};

/** Blocks of this size are kept for the next step instead of being given back to the system. */
const KEPT_BYTES = '1000000000';

/** PyTorch's environment: settings of this machine that slow it down are taken away, memory is kept between steps. */
export const pytorchEnvironment: Readonly<Record<string, string | undefined>> = {
  OPENBLAS_CORETYPE: undefined,
  OPENBLAS_L2_SIZE: undefined,
  MALLOC_MMAP_THRESHOLD_: KEPT_BYTES,
  MALLOC_TRIM_THRESHOLD_: KEPT_BYTES,
};

export const pytorch: Peer = {
  name: 'PyTorch',
  isOurs: false,
  tasks: ['training', 'inference'],
  needsGraph: true,
  grid: (task, threads) =>
    eachThreads(threads).flatMap((count) =>
      either.flatMap((channelsLast) =>
        either.map((last) => ({
          threads: count,
          channelsLast,
          ...(task === 'training' ? { foreach: last } : { frozen: last }),
        })),
      ),
    ),
  find: (named) =>
    findInPython(named, {
      file: 'pytorch.py',
      modules: ['torch', 'numpy'],
      install: INSTALL_PYTORCH,
      environment: pytorchEnvironment,
    }),
};

export const keras: Peer = {
  name: 'Keras',
  isOurs: false,
  tasks: ['training', 'inference'],
  needsGraph: true,
  grid: (_, threads) =>
    eachThreads(threads).flatMap((count) => either.map((compiled) => ({ threads: count, compiled }))),
  find: (named) =>
    findInPython(named, {
      file: 'keras_tensorflow.py',
      modules: ['keras', 'tensorflow', 'numpy'],
      install: INSTALL_KERAS,
      environment: { MALLOC_MMAP_THRESHOLD_: KEPT_BYTES, MALLOC_TRIM_THRESHOLD_: KEPT_BYTES },
    }),
};

/** All, ourselves first. */
export const peers: readonly Peer[] = [
  selvedge,
  tfjsOnOurs,
  pytorch,
  keras,
  onnxruntime('onnxruntime-node'),
  onnxruntime('onnxruntime-web'),
  jax,
  tfjs('wasm', ['inference']),
  tfjs('cpu', ['training', 'inference']),
];

/** A peer that is a script of Python. */
interface PythonPeer {
  readonly file: string;
  /** That an interpreter must have. */
  readonly modules: readonly string[];
  readonly install: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

async function findInPython(
  named: string | undefined,
  { file, modules, install, environment }: PythonPeer,
): Promise<Program | { readonly absent: string }> {
  const python = named === undefined ? await findPython(modules) : await requirePython(named);
  if (python === undefined || !(await hasModules(python, modules))) {
    return {
      absent: `${named ?? 'no python3'} ${named === undefined ? 'with' : 'has no'} ${modules[0]}: run ${install}`,
    };
  }
  return { command: python, args: [platform.files.fromUrl(new URL(`./${file}`, import.meta.url))], environment };
}

/** Whether an interpreter runs and has all of some modules. */
export async function hasModules(python: string, modules: readonly string[]): Promise<boolean> {
  const probe = `import importlib.util as u; print(all(u.find_spec(name) for name in ${JSON.stringify(modules)}))`;
  const { stdout } = await platform.runCommand(python, ['-c', probe]).catch(() => ({ stdout: '' }));
  return stdout.trim() === 'True';
}

/**
 * Makes sure that a named interpreter can be measured with.
 *
 * @throws SelvedgeError `bench/python`
 */
export async function requirePython(named: string): Promise<string> {
  const problem = !(await platform.files.status(named))
    ? 'there is no such file'
    : (await hasModules(named, ['numpy', 'torch'])) || (await hasModules(named, ['numpy', 'keras', 'tensorflow']))
      ? undefined
      : 'it is no Python that has NumPy and torch, or NumPy, keras and tensorflow';
  if (problem === undefined) return named;
  throw new SelvedgeError('bench/python', `Cannot measure with "${named}": ${problem}`);
}

/** The first python3 of the search path, or of the system's own place, that has all of some modules. */
export async function findPython(modules: readonly string[]): Promise<string | undefined> {
  const { files } = platform;
  const folders = [...(platform.environment('PATH') ?? '').split(':'), '/usr/bin'].filter(Boolean);
  for (const candidate of new Set(folders.map((folder) => files.join(folder, 'python3')))) {
    if ((await files.status(candidate)) && (await hasModules(candidate, modules))) return candidate;
  }
  return undefined;
}
