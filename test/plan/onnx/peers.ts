// Who else reads ONNX files: onnxruntime-node and onnxruntime-web, where they are installed beside the benchmarks, and the checker of a
// python with the package onnx. Not a test. Invariant: who is absent is told of in one line.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** Probabilities `[count, classes]` of images NCHW. */
export type RunOnnx = (file: Uint8Array, images: Float32Array, shape: readonly number[]) => Promise<Float32Array>;

interface Runtime {
  readonly env: { readonly wasm: { numThreads?: number } };
  readonly Tensor: new (type: 'float32', data: Float32Array, shape: readonly number[]) => unknown;
  readonly InferenceSession: {
    create(
      model: Uint8Array,
      options: object,
    ): Promise<{
      readonly inputNames: readonly string[];
      readonly outputNames: readonly string[];
      run(feeds: Record<string, unknown>): Promise<Record<string, { readonly data: Float32Array }>>;
      release(): Promise<void>;
    }>;
  };
}

const packages = new URL('../../../bench/peers/node_modules/', import.meta.url);
const entries = { 'onnxruntime-node': './dist/index.js', 'onnxruntime-web': './dist/ort.node.min.mjs' } as const;

/** The runtimes that are installed, by name. */
export async function onnxRuntimes(): Promise<ReadonlyMap<string, RunOnnx>> {
  const found = new Map<string, RunOnnx>();
  for (const [name, entry] of Object.entries(entries)) {
    const place = new URL(`${name}/`, packages);
    if (!existsSync(place)) {
      console.log(`${name} is absent: nothing is run on it (npm ci --ignore-scripts --prefix bench/peers)`);
      continue;
    }
    const loaded = await import(new URL(entry, place).href);
    const { env, InferenceSession, Tensor } = (loaded.default ?? loaded) as Runtime;
    const isWeb = name === 'onnxruntime-web';
    if (isWeb) env.wasm.numThreads = 1;
    const options = { executionProviders: [isWeb ? 'wasm' : 'cpu'], intraOpNumThreads: 1, logSeverityLevel: 3 };
    found.set(name, async (file, images, shape) => {
      const session = await InferenceSession.create(file, options);
      const results = await session.run({ [session.inputNames[0]!]: new Tensor('float32', images, shape) });
      const data = results[session.outputNames[0]!]!.data.slice();
      await session.release();
      return data;
    });
  }
  return found;
}

/** The first python that has these modules. */
export function pythonWith(...modules: readonly string[]): string | undefined {
  for (const python of ['/usr/bin/python3', 'python3']) {
    try {
      execFileSync(python, ['-c', `import ${modules.join(', ')}`], { stdio: 'ignore' });
      return python;
    } catch {
      // Another, then.
    }
  }
  const packagesOf = modules.map((name) => `python3-${name}`).join(' ');
  console.log(`No python has ${modules.join(' and ')}: that is not tested (apt-get install ${packagesOf})`);
  return undefined;
}

const CHECK = `
import sys, onnx
for path in sys.argv[1:]:
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    print(path, len(model.graph.node))
`;

/**
 * Has the checker of ONNX check files, their inferred shapes too.
 *
 * @throws What it says
 */
export const checkFiles = (python: string, paths: readonly string[]): string =>
  execFileSync(python, ['-c', CHECK, ...paths], { encoding: 'utf8' });

/** Images NHWC as NCHW. */
export function channelsFirst(
  images: Float32Array,
  [count, height, width, channels]: readonly [number, number, number, number],
): Float32Array {
  const permuted = new Float32Array(images.length);
  const pixels = height * width;
  for (let image = 0; image < count; image++) {
    for (let pixel = 0; pixel < pixels; pixel++) {
      for (let channel = 0; channel < channels; channel++) {
        permuted[(image * channels + channel) * pixels + pixel] =
          images[(image * pixels + pixel) * channels + channel]!;
      }
    }
  }
  return permuted;
}

/** The reverse; the shape is that of the result. */
export function channelsLast(
  images: Float32Array,
  [count, height, width, channels]: readonly [number, number, number, number],
): Float32Array {
  const permuted = new Float32Array(images.length);
  const pixels = height * width;
  for (let image = 0; image < count; image++) {
    for (let pixel = 0; pixel < pixels; pixel++) {
      for (let channel = 0; channel < channels; channel++) {
        permuted[(image * pixels + pixel) * channels + channel] =
          images[(image * channels + channel) * pixels + pixel]!;
      }
    }
  }
  return permuted;
}
