// What the page must do, as a user does it. A session is a list of steps in one tab: later ones find what earlier ones left.
// Not here: browsers and hosts. Invariant: what a training here ends with is compared with what `selvedge train` ends with on Node.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describeFailure, runProcess } from '../../scripts/runtimes/run-process.ts';
import { root } from '../../scripts/runtimes/runtime.ts';
import { fashionMnistFiles, loadFashionMnistSample } from '../../src/data/index.ts';
import { encodeGrayPng } from '../../src/report/index.ts';
import { cmykJpeg, losslessAlphaWebp } from '../../test/contract/picture-files.ts';
import type { Tab } from './browsers.ts';
import {
  answerFor,
  drawShirt,
  drop,
  type GivenFile,
  hasButton,
  isReady,
  paste,
  press,
  showView,
  storedJson,
  textOf,
} from './page.ts';

export interface Step {
  readonly title: string;
  run(tab: Tab): Promise<void>;
}

export function expect(got: unknown, wanted: RegExp | string | number, what: string): void {
  const isRight = wanted instanceof RegExp ? wanted.test(String(got)) : got === wanted;
  if (!isRight) throw new Error(`${what}: expected ${wanted}, got ${String(got).slice(0, 500)}`);
}

const FILE_INPUT = '.drop input[type=file]:not([capture])';

/** A test image of each of some classes as a PNG file. */
export async function pictures(): Promise<ReadonlyMap<string, GivenFile>> {
  const { test } = await loadFashionMnistSample();
  const size = test.width * test.height;
  const found = new Map<string, GivenFile>();
  for (const name of ['Trouser', 'Bag', 'Ankle boot']) {
    const index = test.labels.indexOf(test.classNames.indexOf(name));
    const pixels = test.images.subarray(index * size, (index + 1) * size);
    const bytes = encodeGrayPng({ width: test.width, height: test.height, pixels });
    found.set(name, { name: `${name}.png`, type: 'image/png', bytes });
  }
  return found;
}

export async function inScratch<T>(body: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'selvedge-web-'));
  try {
    return await body(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export const classifySteps: readonly Step[] = [
  {
    title: 'a drawing is classified by the shipped model',
    async run(tab) {
      await showView(tab, 'classify');
      await drawShirt(tab);
      expect(await answerFor(tab, 'your drawing'), 'T-shirt/top', 'The drawing of a T-shirt');
      expect(await tab.evaluate(`document.querySelectorAll('.probabilities li').length`), 10, 'Classes told');
      await press(tab, 'Clear');
      await tab.until(`!document.querySelector('.best')`);
    },
  },
  {
    title: 'a picture is classified that is chosen, dropped or pasted',
    run: (tab) =>
      inScratch(async (folder) => {
        await showView(tab, 'classify');
        const all = await pictures();
        const [trouser, bag, boot] = ['Trouser', 'Bag', 'Ankle boot'].map((name) => all.get(name)!);
        const file = path.join(folder, trouser!.name);
        writeFileSync(file, trouser!.bytes);
        await tab.giveFiles(FILE_INPUT, [file]);
        expect(await answerFor(tab, 'Trouser.png'), 'Trouser', 'The chosen file');
        await drop(tab, '.drop', bag!);
        expect(await answerFor(tab, 'Bag.png'), 'Bag', 'The dropped file');
        await paste(tab, boot!);
        expect(await answerFor(tab, 'Ankle boot.png'), 'Ankle boot', 'The pasted file');
      }),
  },
  {
    title: 'what the model looks at lies over the picture, by each method, and goes again',
    async run(tab) {
      await showView(tab, 'classify');
      const all = await pictures();
      await drop(tab, '.drop', all.get('Ankle boot')!);
      expect(await answerFor(tab, 'Ankle boot.png'), 'Ankle boot', 'The dropped file');
      await tab.click('.explanation input[type=checkbox]');
      const opacity = `(() => {
        const canvas = document.querySelector('.verdict canvas.overlay');
        if (!canvas) return '';
        const { data } = canvas.getContext('2d').getImageData(0, 0, 28, 28);
        return String(data.reduce((sum, value, i) => (i % 4 === 3 ? sum + value : sum), 0));
      })()`;
      const seen = new Set<string>();
      await tab.until(`document.querySelector('#explanation-method')`);
      const options = await tab.evaluate<string>(
        `[...document.querySelectorAll('#explanation-method option')].map(({ value }) => value).join()`,
      );
      expect(options, 'grad-cam,saliency,smooth-grad,integrated-gradients,occlusion', 'The methods');
      for (const method of options.split(',')) {
        await tab.evaluate(`(() => {
          const select = document.querySelector('#explanation-method');
          select.value = ${JSON.stringify(method)};
          select.dispatchEvent(new Event('change', { bubbles: true }));
        })()`);
        await tab.until(
          `Number(${opacity}) > 1000 && !/Looking/.test(document.querySelector('.explanation').textContent)`,
        );
        seen.add(await tab.evaluate<string>(opacity));
      }
      expect(seen.size, 5, 'Different maps');
      await tab.click('.explanation input[type=checkbox]');
      await tab.until(`!document.querySelector('.verdict canvas.overlay')`);
    },
  },
  {
    title: 'WebP and a JPEG for print are decoded, and a picture of nothing is refused in words',
    async run(tab) {
      for (const [name, type, bytes] of [
        ['shop.webp', 'image/webp', losslessAlphaWebp],
        ['print.jpg', 'image/jpeg', cmykJpeg],
      ] as const) {
        await drop(tab, '.drop', { name, type, bytes });
        expect(await answerFor(tab, name), /./, `What ${name} shows`);
      }
      const bytes = encodeGrayPng({ width: 40, height: 40, pixels: new Uint8Array(1600).fill(200) });
      await drop(tab, '.drop', { name: 'nothing.png', type: 'image/png', bytes });
      await tab.until(`document.querySelector('main .notice.error')`);
      expect(await textOf(tab, 'main .notice.error'), /Cannot find an object in "nothing\.png"/, 'The message');
    },
  },
  {
    title: 'what is no picture is refused in words, and the next picture is answered',
    async run(tab) {
      await drop(tab, '.drop', { name: 'notes.txt', type: 'text/plain', bytes: Buffer.from('no picture') });
      await tab.until(`document.querySelector('main .notice.error')`);
      expect(await textOf(tab, 'main .notice.error'), /Cannot read "notes\.txt"/, 'The message');
      await tab.click('.examples button');
      expect(await answerFor(tab, await exampleName(tab)), /./, 'The example');
    },
  },
];

const exampleName = async (tab: Tab): Promise<string> => {
  await tab.until(`document.querySelector('.verdict .image')`);
  return (await tab.evaluate<string>(`document.querySelector('.verdict .image').getAttribute('aria-label')`)).split(
    ',',
  )[0]!;
};

export const similarSteps: readonly Step[] = [
  {
    title: 'items like a picture are found in the tab, and what is liked brings suggestions with reasons',
    async run(tab) {
      await showView(tab, 'similar');
      await tab.click('.examples li:nth-child(2) button');
      const items = `[aria-label^="Items like Trouser"] li`;
      await tab.until(`document.querySelectorAll('${items}').length === 12`);
      expect(await textOf(tab, `${items}:first-child .item`), /Trouser\s*9\d\.\d% alike/, 'The first item');
      await tab.click(`${items}:first-child .like`);
      await tab.until(`document.querySelectorAll('[aria-label="Suggestions"] li').length === 12`);
      expect(await textOf(tab, '[aria-label="Suggestions"] li .item'), /Like the trouser you liked/, 'The reason');
      expect(
        String(await tab.evaluate(`document.querySelectorAll('.like[aria-pressed="true"]').length > 0`)),
        'true',
        'A heart',
      );
      expect(await textOf(tab, '[role=status].unseen'), /1 item liked, 12 suggestions/, 'What is said');
    },
  },
  {
    title: 'items like a file of the user are found, and a file that is no picture is refused',
    run: (tab) =>
      inScratch(async (folder) => {
        await showView(tab, 'similar');
        const bag = (await pictures()).get('Bag')!;
        const file = path.join(folder, bag.name);
        writeFileSync(file, bag.bytes);
        await tab.giveFiles('#similar-file', [file]);
        await tab.until(`document.querySelectorAll('[aria-label="Items like Bag.png"] li').length === 12`);
        expect(await textOf(tab, '[aria-label="Items like Bag.png"]'), /Bag/, 'What is found');
        const text = path.join(folder, 'notes.png');
        writeFileSync(text, 'no picture');
        await tab.giveFiles('#similar-file', [text]);
        await tab.until(`/notes\\.png/.test(document.querySelector('main .notice.error')?.textContent)`);
      }),
  },
];

export const sampleSteps: readonly Step[] = [
  {
    title: 'without the whole data set the page says plainly that it uses the sample',
    async run(tab) {
      await showView(tab, 'data');
      expect(await textOf(tab, 'main .notice'), /small sample, not the whole data set/, 'The notice');
      expect(await textOf(tab, '.counts'), /Trouser\s*200\s*100/, 'Counts of a class');
      await tab.until(`document.querySelectorAll('.gallery canvas').length === 30`);
    },
  },
  {
    title: 'a file that is none of the four is refused by its digest',
    async run(tab) {
      await showView(tab, 'data');
      const name = fashionMnistFiles.testLabels.name;
      // The sample's file has the same name, and another digest.
      await tab.giveFiles('#data-files', [path.join(root, 'assets', 'sample', name)]);
      await tab.until(`/none of the four/.test(document.querySelector('.notes')?.textContent)`);
      expect(await textOf(tab, '.notes'), /none of the four files of Fashion-MNIST/, 'The note');
    },
  },
];

/** @param folder Holds the four files */
export const wholeDataSteps = (folder: string): readonly Step[] => [
  {
    title: 'the four files of the user are kept, used after a reload, and removed on request',
    async run(tab) {
      await showView(tab, 'data');
      const files = Object.values(fashionMnistFiles).map(({ name }) => path.join(folder, name));
      await tab.giveFiles('#data-files', files);
      await tab.until(`/The whole Fashion-MNIST/.test(document.querySelector('main').textContent)`);
      await tab.reload();
      await isReady(tab);
      await showView(tab, 'data');
      expect(
        await textOf(tab, 'main'),
        /60,000 training and 10,000 test images, from the copy on this device/,
        'After a reload',
      );
      await press(tab, 'Remove the copy on this device');
      await tab.until(`/small sample/.test(document.querySelector('main').textContent)`);
    },
  },
];

const regime = { epochs: 10, 'batch-size': 32, 'learning-rate': 0.001, seed: 7 };
const MODEL = 'baseline';

/** Digest of the weights that `selvedge train` ends with on this Node. */
const weightsOnNode = (): Promise<string> =>
  inScratch(async (cwd) => {
    const options = Object.entries(regime).flatMap(([name, value]) => [`--${name}`, String(value)]);
    const words = ['train', '--run', 'page', '--model', MODEL, ...options];
    const ended = await runProcess(process.execPath, [path.join(root, 'bin', 'selvedge.js'), ...words], { cwd });
    if (ended.code !== 0) throw new Error(describeFailure('selvedge train', ended));
    const model = readFileSync(path.join(cwd, 'runs', 'page', MODEL, 'model', 'model.json'), 'utf8');
    return (JSON.parse(model) as { weightsSha256: string }).weightsSha256;
  });

const epochsShown = `document.querySelectorAll('.chart circle:not(.now)').length / 4`;

export const trainingSteps: readonly Step[] = [
  {
    title: 'a training shows its curves, stops, resumes, goes on after a reload, and ends with the bits of Node',
    async run(tab) {
      await showView(tab, 'train');
      await tab.click(`input[value=${MODEL}]`);
      for (const [name, value] of Object.entries(regime)) await tab.fill(`#${name}`, String(value));
      await press(tab, 'Train');
      await tab.until(`${epochsShown} >= 1`);
      await tab.until(`/Images a second\\s*[\\d,]+/.test(document.querySelector('.standing')?.textContent)`);
      await press(tab, 'Stop');
      await hasButton(tab, 'Resume');
      expect(await textOf(tab, '.standing'), /Stopped after \d+ epochs? of 10/, 'The stopped training');
      const before = await tab.evaluate<number>(epochsShown);
      await press(tab, 'Resume');
      await tab.until(`${epochsShown} > ${before}`);
      await tab.reload();
      await tab.until(`/Trained for 10 epochs/.test(document.querySelector('.standing')?.textContent)`);
      const { weightsSha256 } = await storedJson<{ weightsSha256: string }>(tab, `runs/page/${MODEL}/model/model.json`);
      expect(weightsSha256, await weightsOnNode(), 'sha256 of the weights');
    },
  },
  {
    title: 'a setting that makes no sense is not taken, in words',
    async run(tab) {
      await showView(tab, 'train');
      await tab.fill('#epochs', '0');
      expect(await textOf(tab, '#epochs-error'), /A whole number from 1/, 'The message');
      await tab.fill('#epochs', String(regime.epochs));
    },
  },
  {
    title: 'the trained model classifies',
    async run(tab) {
      await showView(tab, 'classify');
      await tab.evaluate(`(() => {
        const select = document.querySelector('#classify-model');
        select.value = ${JSON.stringify(MODEL)};
        select.dispatchEvent(new Event('change', { bubbles: true }));
      })()`);
      const all = await pictures();
      await drop(tab, '.drop', all.get('Bag')!);
      expect(await answerFor(tab, 'Bag.png'), 'Bag', 'The dropped file');
    },
  },
];

export const evaluationSteps: readonly Step[] = [
  {
    title: 'the shipped model is evaluated: accuracy, confusion matrix, report, wrong predictions',
    async run(tab) {
      await showView(tab, 'evaluate');
      await press(tab, 'Evaluate');
      await tab.until(`document.querySelector('.confusion')`);
      expect(await textOf(tab, 'main dl'), /9[0-9]\.\d+%/, 'Accuracy');
      const sum = `[...document.querySelectorAll('.confusion td')].reduce((sum, cell) => sum + (Number(cell.textContent) || 0), 0)`;
      expect(await tab.evaluate(sum), 1000, 'Sum of the confusion matrix');
      expect(
        await textOf(tab, '[aria-labelledby=scores-title]'),
        /Ankle boot.*macro average.*weighted average/s,
        'Scores',
      );
      await tab.until(`document.querySelectorAll('.mistakes li').length > 10`);
    },
  },
  {
    title: 'a cell of the confusion matrix shows its images',
    async run(tab) {
      await tab.click('.confusion td.mistaken button');
      await tab.until(`/taken for/.test(document.querySelector('#mistakes-title')?.textContent)`);
      await press(tab, 'All wrong predictions');
      await tab.until(`document.querySelector('#mistakes-title')?.textContent === 'Wrong predictions'`);
    },
  },
];

const reportText = `document.querySelector('.report iframe')?.contentDocument?.body?.textContent ?? ''`;

export const studySteps: readonly Step[] = [
  {
    title: 'the study runs by the tasks of deno.json, and shows its report',
    async run(tab) {
      await showView(tab, 'study');
      await press(tab, 'Run the study');
      await tab.until(`/dropout/.test(${reportText}) || document.querySelector('main .notice.error')`);
      expect(await textOf(tab, 'main .notice.error'), '', 'Errors');
      expect(await tab.evaluate(reportText), /baseline.*dropout.*Confusion matrix/s, 'The report');
      const pictures = `document.querySelector('.report iframe').contentDocument.querySelectorAll('svg').length`;
      expect((await tab.evaluate<number>(pictures)) >= 11 ? 'enough' : 'too few', 'enough', 'Figures');
    },
  },
  {
    title: 'a study that has run is not run again',
    async run(tab) {
      await press(tab, 'Run the study');
      await tab.until(
        `[...document.querySelectorAll('.tasks li')].some(({ textContent }) => /^report.*unchanged, kept/.test(textContent))`,
      );
      await hasButton(tab, 'Run the study');
    },
  },
];

export const keyboardSteps: readonly Step[] = [
  {
    title: 'keys reach the content past the navigation, and the focus is seen',
    async run(tab) {
      await tab.reload();
      await isReady(tab);
      await showView(tab, 'classify');
      await tab.evaluate(`document.activeElement?.blur()`);
      await tab.evaluate(`document.querySelector('.skip').focus()`);
      await tab.press('Enter');
      await tab.until(`document.activeElement?.id === 'content'`);
      await tab.press('Tab');
      const outline = `(() => { const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement); return outlineStyle + ' ' + outlineWidth; })()`;
      expect(await tab.evaluate(outline), /^(?!none)\w+ [1-9]/, 'The outline of what has the focus');
    },
  },
];

export const engineStep = (title: string, wanted: RegExp): Step => ({
  title,
  async run(tab) {
    expect(await textOf(tab, '.engine'), wanted, 'What the page says of the engine');
  },
});
