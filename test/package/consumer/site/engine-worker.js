// A user's worker, where the engine has threads.
import { predictWithEngine } from './predict.js';

try {
  postMessage(await predictWithEngine());
} catch (error) {
  postMessage({ error: String(error) });
}
