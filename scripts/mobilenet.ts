// The MobileNetV2 of npm's `nsfwjs` (MIT; uint8 weights of 2,257,984 parameters) as a folder that `train --from` takes: its convolutions,
// the mean over the map, and a head of two classes to be made anew. The package is not installed with this one: 42 MB.
// Not here: training. Invariant: the same files on every call for a package of the same version.
//
//   npm install --no-save nsfwjs@4.4.0
//   node --import tsx scripts/mobilenet.ts FOLDER [SIDE]
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { startBackend } from '../src/backend/index.ts';
import * as tf from '../src/backend/tfjs.ts';
import { initializeWeights, saveModel } from '../src/models/index.ts';

const PACKAGE = 'nsfwjs@4.4.0';
/** Sides that the five halvings leave something of. */
const sides = { minimum: 32, usual: 64 } as const;
const SEED = 1;
const FEATURES = 1280;

interface LayerJson {
  readonly name: string;
  readonly class_name: string;
  readonly config: Record<string, unknown>;
}

interface Bundled {
  readonly modelTopology: {
    readonly model_config: { readonly config: { layers: LayerJson[]; output_layers: unknown } };
  };
  readonly weightsManifest: readonly [{ readonly weights: tf.io.WeightsManifestEntry[] }];
}

/** The package, from the checkout that this is in. */
function readPackage(): { readonly json: Bundled; readonly weights: ArrayBuffer } {
  const require = createRequire(import.meta.url);
  const open = (name: string): unknown => {
    try {
      return require(
        fileURLToPath(new URL(`../node_modules/nsfwjs/dist/models/mobilenet_v2/${name}`, import.meta.url)),
      );
    } catch (error) {
      throw new Error(
        `Cannot read MobileNetV2: expected the package ${PACKAGE}; run npm install --no-save ${PACKAGE}`,
        {
          cause: error,
        },
      );
    }
  };
  const bytes = Buffer.from(open('group1-shard1of1.min.js') as string, 'base64');
  return { json: open('model.min.js') as Bundled, weights: new Uint8Array(bytes).buffer };
}

/**
 * The convolutions of MobileNetV2 and the mean over the last map.
 *
 * @param side Height and width of the images, in colour, from 0 to 1
 * @returns Gives `[batch, 1280]`; the caller disposes it. Needs a started backend
 * @throws Error where the package is not installed
 */
export async function mobileNetFeatures(side: number): Promise<tf.LayersModel> {
  const { json, weights } = readPackage();
  const { modelTopology, weightsManifest } = structuredClone(json);
  const { config } = modelTopology.model_config;
  const layers = config.layers.slice(
    0,
    config.layers.findIndex(({ class_name: kind }) => kind === 'AveragePooling2D'),
  );
  layers[0]!.config.batch_input_shape = [null, side, side, 3];
  config.layers = layers;
  config.output_layers = [[layers.at(-1)!.name, 0, 0]];
  const weightSpecs = weightsManifest[0].weights;
  const artifacts = { modelTopology, weightSpecs, weightData: weights };
  const load = async (): Promise<tf.io.ModelArtifacts> => artifacts;
  // Not strict: the weights of what is cut off stay behind.
  const model = await tf.loadLayersModel({ load }, { strict: false });
  const pooled = tf.layers.globalAveragePooling2d({ name: 'features' }).apply(model.outputs[0]!) as tf.SymbolicTensor;
  return tf.model({ name: 'mobilenet-v2', inputs: model.inputs, outputs: pooled });
}

/** Writes the model with a head to a folder. */
async function writeMobileNet(folder: string, side: number): Promise<void> {
  const features = await mobileNetFeatures(side);
  const head = tf.layers.dense({ name: 'head', units: 2, activation: 'softmax', inputShape: [FEATURES] });
  const outputs = head.apply(features.outputs[0]!) as tf.SymbolicTensor;
  const model = tf.model({ name: 'mobilenet-v2', inputs: features.inputs, outputs });
  initializeWeights(model, SEED, (layer) => layer === head);
  await saveModel(model, folder, { source: PACKAGE, licence: 'MIT, Infinite Red, Inc.' });
  model.dispose();
}

async function main(): Promise<void> {
  const [folder, side = sides.usual] = process.argv.slice(2);
  if (folder === undefined || !Number.isInteger(Number(side)) || Number(side) < sides.minimum) {
    console.error(`Usage: node --import tsx scripts/mobilenet.ts FOLDER [SIDE, from ${sides.minimum}; ${sides.usual}]`);
    process.exitCode = 2;
    return;
  }
  const engine = await startBackend({ threads: 1 });
  try {
    await writeMobileNet(folder, Number(side));
    console.log(
      `MobileNetV2 for colour images of ${side}x${side} in ${folder}\n` +
        `Next: selvedge train --data PICTURES --colour --image-size ${side} --from ${folder} --freeze all-but-last`,
    );
  } catch (error) {
    console.error((error as Error).message);
    process.exitCode = 1;
  } finally {
    await engine.stop();
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
