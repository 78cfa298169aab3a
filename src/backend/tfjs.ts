// tfjs as this project uses it: operations, layers and the cpu backend. The package @tensorflow/tfjs is the same modules and more: a
// converter, data pipelines and a WebGL backend, which cost every process 100 ms.
// Invariant: the very modules that @tensorflow/tfjs exports, so that tensors and models of either are those of the other.
import '@tensorflow/tfjs-backend-cpu';
import { providePlatform } from './tfjs-platform.ts';

export * from '@tensorflow/tfjs-core';
export * from '@tensorflow/tfjs-layers';

providePlatform();
