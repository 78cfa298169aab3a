// The engine: tfjs's wasm backend with threads and the kernels it lacks.
export {
  borrowWorkers,
  type EngineFile,
  engineFiles,
  lendWorkers,
  type ProvidedFiles,
  provideFiles,
} from '../platform/index.ts';
export { float32Bits } from './float-bits.ts';
export { SelvedgeBackend, type TensorReference } from './selvedge-backend.ts';
export {
  type BackendInfo,
  type BackendOptions,
  currentBackend,
  kernelsDigest,
  type RunningBackend,
  startBackend,
} from './start.ts';
export type { RunOptions, ThreadPool } from './thread-pool.ts';
