// Entry of the bundle: the environment first, then every spec of tfjs-core 4.22.
import { engine } from './environment.ts';
import '@tensorflow/tfjs-core/dist/tests.js';

export { engine };
