// Figures of explanations: what lies over what, that nothing is lost, and that markup is whole whatever the names are.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type ExplainedImage,
  encodeGrayPng,
  explanationGrid,
  explanationMosaic,
  type GrayImage,
  layOver,
  type ReportExplainedImage,
  renderExplanationPage,
} from '../../src/report/index.ts';
import { drawStudyFigures } from '../../src/report/study-figures.ts';
import { renderStudyReport } from '../../src/report/study-report.ts';
import { studyClassNames, studyFixture } from './study-fixture.ts';

const hostile = `</svg><script>alert("1")</script>&'`;
const image: GrayImage = { width: 2, height: 1, pixels: [100, 200] };
/** The first pixel clear, the second wholly red. */
const overlay = { colours: [9, 9, 9, 0, 255, 0, 0, 255] };

const explained = (name: string, methods: readonly string[]): ReportExplainedImage => ({
  file: `${name}.png`,
  labels: [name, '98.0%'],
  image,
  overlays: methods.map(() => overlay),
  predictedName: name,
  probability: 0.98,
  explainedName: 'Bag',
  explainedProbability: 0.01,
  explanations: methods.map((method) => ({
    method,
    deletionArea: 0.25,
    insertionArea: 0.75,
    ...(method === 'integrated-gradients' ? { completeness: { error: 0.125, difference: 7.5 } } : {}),
  })),
  random: { deletionArea: 0.5, insertionArea: 0.5 },
});

test('layOver() mixes by opacity, of grey and of coloured pictures', () => {
  assert.equal(Array.from(layOver(image, overlay).pixels), [100, 100, 100, 255, 0, 0]);
  assert.equal(Array.from(layOver(image).pixels), [100, 100, 100, 200, 200, 200]);
  const half = { colours: [0, 0, 0, 0, 0, 100, 0, 127.5] };
  assert.equal(Array.from(layOver(image, half).pixels), [100, 100, 100, 100, 150, 100]);
  const coloured: GrayImage = { width: 2, height: 1, channels: 3, pixels: [1, 2, 3, 4, 5, 6] };
  assert.equal(Array.from(layOver(coloured, overlay).pixels), [1, 2, 3, 255, 0, 0]);
});

test('explanationGrid() has a picture and a map a method in each row, under their names', () => {
  const rows: ExplainedImage[] = ['One', 'Two'].map((name) => ({
    labels: [name],
    image,
    overlays: [overlay, overlay],
  }));
  const { body, width, height } = explanationGrid(rows, { methods: ['grad-cam', 'occlusion'], side: 50 });
  assert.is((body.match(/<image /g) ?? []).length, 6);
  for (const word of ['Picture', 'grad-cam', 'occlusion', 'One', 'Two'])
    assert.ok(body.includes(`>${word}</text>`), word);
  assert.ok(width >= 3 * 50 && height >= 2 * 50);
});

test('explanationMosaic() fits into 1024 pixels, or says that it does not', () => {
  const row = { image: { ...image, width: 28, height: 28, pixels: new Uint8Array(784).fill(9) }, overlays: [] };
  const layer = { colours: new Uint8Array(4 * 784) };
  for (const count of [1, 3, 10, 28]) {
    const rows = Array.from({ length: count }, () => ({ ...row, overlays: [layer, layer] }));
    const mosaic = explanationMosaic(rows)!;
    assert.ok(mosaic.width <= 1024 && mosaic.height <= 1024, `${count}: ${mosaic.width}x${mosaic.height}`);
    assert.is(mosaic.pixels.length, 3 * mosaic.width * mosaic.height);
    assert.ok(encodeGrayPng(mosaic).length > 784);
    assert.equal([mosaic.pixels[0], mosaic.pixels.length % 3], [9, 0]);
  }
  assert.is(explanationMosaic(Array.from({ length: 29 }, () => row)), undefined);
});

test('renderExplanationPage() tells classes, areas and completeness, asks nothing of the network and escapes names', () => {
  const methods = ['grad-cam', 'integrated-gradients'];
  const html = renderExplanationPage({
    model: hostile,
    images: [explained('Coat', methods), explained(hostile, methods)],
  });
  assert.not.match(html, /<script|undefined|NaN/);
  assert.not.match(html.replaceAll('xmlns="http://www.w3.org/2000/svg"', ''), /https?:/);
  for (const text of [
    'Coat, 98.0%',
    'Explained is Bag, 1.0%',
    '0.250',
    '0.750',
    '7.500',
    '0.125',
    'places at random',
  ]) {
    assert.ok(html.includes(text), text);
  }
  assert.is((html.match(/<image /g) ?? []).length, 6);
});

test('the report shows explanations after all other figures, and says what the model took pictures for', async () => {
  const classes = studyClassNames.map((name, label) => ({
    name,
    images: [name, label === 6 ? 'Coat' : name].map((predictedName) => ({ image, overlays: [overlay], predictedName })),
  }));
  const input = { ...studyFixture(), explanations: { model: 'dropout', methods: ['Grad-CAM'], classes } };
  const figure = (await drawStudyFigures(input)).at(-1)!;
  assert.equal([figure.number, figure.topic, figure.model], [13, 'explanations', 'dropout']);
  const { svg } = figure.panels[0]!;
  assert.is((svg.match(/<image /g) ?? []).length, 10 * 2 * 2);
  assert.match(svg, />✗ Coat</);
  assert.match(svg, /Shirt, predicted as Shirt and Coat/);
  const html = await renderStudyReport(input);
  assert.match(html, /<section id="explanations"><h2>What “dropout” looks at/);
  assert.not.match(await renderStudyReport(studyFixture()), /id="explanations"/);
});

test.run();
