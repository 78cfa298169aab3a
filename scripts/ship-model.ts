// Puts the `dropout` model of the reference run into assets/, with what a user should know of it in its metadata, and the figure
// that the README shows. Run it after `npm run pipeline:full`, and then
// `npx selvedge export --out assets/models/dropout/dropout.selvedge`.
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const run = `${root}runs/full/dropout`;
const shipped = `${root}assets/models/dropout`;

const read = <T>(path: string): T => JSON.parse(readFileSync(path, 'utf8'));
const model = read<{ weightsSha256: string; userDefinedMetadata: object }>(`${run}/model/model.json`);
const { accuracy, loss, count } = read<{ accuracy: number; loss: number; count: number }>(`${run}/evaluation.json`);
const { settings, runtime, engine } = read<{ settings: object; runtime: object; engine: object }>(`${run}/config.json`);
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
const figures = `${root}runs/full/figures`;
const figure = readdirSync(figures).find((name) => name.endsWith('-incorrect-dropout.svg'));
cpSync(`${figures}/${figure}`, `${root}docs/wrong-predictions.svg`);
console.log(`assets/models/dropout: accuracy ${accuracy}, weights ${model.weightsSha256}`);
