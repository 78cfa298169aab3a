// The two runtimes of ONNX on the file that onnx.ts wrote: `onnxruntime-web` (WebAssembly) and `onnxruntime-node` (native code).
import { platform } from '../../src/platform/index.ts';
import { ONNX_INPUT, ONNX_OUTPUT } from './onnx.ts';
import { importPeer, serve, versionOf } from './serve.ts';

/** The part of onnxruntime-common that is used here. */
interface Runtime {
  readonly env: { readonly wasm: { numThreads?: number } };
  readonly Tensor: new (type: 'float32', data: Float32Array, shape: readonly number[]) => unknown;
  readonly InferenceSession: {
    create(
      model: Uint8Array,
      options: object,
    ): Promise<{
      run(feeds: Record<string, unknown>): Promise<Record<string, { readonly data: Float32Array }>>;
    }>;
  };
}

await serve(async ({ settings }, workload) => {
  const name = String(settings.package);
  const threads = Number(settings.threads);
  const { env, Tensor, InferenceSession } = await importPeer<Runtime>(name);
  const isWeb = name === 'onnxruntime-web';
  if (isWeb) env.wasm.numThreads = threads;
  const session = await InferenceSession.create(await workload.readBytes('trained.onnx'), {
    executionProviders: [isWeb ? 'wasm' : 'cpu'],
    graphOptimizationLevel: 'all',
    ...(isWeb ? {} : { intraOpNumThreads: threads, interOpNumThreads: 1 }),
  });
  const { height, width, channels } = workload;
  return {
    version: `${await versionOf(name)} on ${platform.runtime.name} ${platform.runtime.version}`,
    // With one channel, channels first and channels last are the same.
    predict: async (images, count) => {
      const feeds = { [ONNX_INPUT]: new Tensor('float32', images, [count, channels, height, width]) };
      return (await session.run(feeds))[ONNX_OUTPUT]!.data;
    },
  };
});
