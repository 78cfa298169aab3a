// Puts the `dropout` model of the reference run into assets/, with what a user should know of it in its metadata, and the figure
// that the README shows. Run it after `npm run pipeline:full`.
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const run = `${root}runs/full/dropout`;
const shipped = `${root}assets/models/dropout`;

const read = (path: string): Record<string, never> => JSON.parse(readFileSync(path, 'utf8'));
const model = read(`${run}/model/model.json`) as { weightsSha256: string; userDefinedMetadata: object };
const { accuracy, loss, count } = read(`${run}/evaluation.json`);
const { settings, runtime, engine } = read(`${run}/config.json`) as {
  settings: object;
  runtime: object;
  engine: object;
};
const userDefinedMetadata = {
  ...model.userDefinedMetadata,
  settings,
  accuracy,
  loss,
  testImages: count,
  fingerprint: model.weightsSha256,
  runtime,
  engine,
};

cpSync(`${run}/model/weights.bin`, `${shipped}/weights.bin`);
writeFileSync(`${shipped}/model.json`, `${JSON.stringify({ ...model, userDefinedMetadata }, null, 1)}\n`);
cpSync(`${root}runs/full/figures/figure-11-incorrect-dropout.svg`, `${root}docs/wrong-predictions.svg`);
console.log(`assets/models/dropout: accuracy ${accuracy}, weights ${model.weightsSha256}`);
