// What the view Design must do, as a user does it. Not here: the other views (checks.ts).
// Invariant: what is designed in the tab is compared with what `selvedge generate` makes on Node.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describeFailure, runProcess } from '../../scripts/runtimes/run-process.ts';
import { root } from '../../scripts/runtimes/runtime.ts';
import { sha256 } from '../../src/core/sha256.ts';
import type { Tab } from './browsers.ts';
import { expect, inScratch, pictures, type Step } from './checks.ts';
import { hasButton, press, showView, textOf } from './page.ts';

/** All designs, once as many as were asked for are there, as the page draws them. */
async function designs(tab: Tab, count: number, said: RegExp): Promise<Uint8Array> {
  await tab.until(
    `document.querySelectorAll('.designs li').length === ${count} && ${said}.test(document.querySelector('.summary')?.textContent)`,
  );
  const text = await tab.evaluate<string>(`[...document.querySelectorAll('.designs canvas.grey')].map((canvas) =>
    [...canvas.getContext('2d').getImageData(0, 0, 28, 28).data].filter((_, i) => i % 4 === 0).join()).join()`);
  return Uint8Array.from(text.split(','), Number);
}

interface Command {
  readonly sha256: string;
  readonly sheet: Uint8Array;
}

const byCommand = (...words: readonly string[]): Promise<Command> =>
  inScratch(async (folder) => {
    const out = path.join(folder, 'designs.png');
    const program = path.join(root, 'bin', 'selvedge.js');
    const ended = await runProcess(process.execPath, [program, 'generate', ...words, '--out', out, '--json']);
    if (ended.code !== 0) throw new Error(describeFailure('selvedge generate', ended));
    return { sha256: JSON.parse(ended.out).sha256, sheet: readFileSync(out) };
  });

/** What the page would save next, in place of saving it: files are the browser's matter. */
async function saved(tab: Tab, button: string): Promise<{ readonly name: string; readonly bytes: Uint8Array }> {
  await tab.evaluate(`(() => {
    const { createObjectURL } = URL;
    URL.createObjectURL = (file) => {
      globalThis.savedFile = file;
      return createObjectURL.call(URL, file);
    };
    HTMLAnchorElement.prototype.click = function () {
      globalThis.savedName = this.download;
    };
  })()`);
  await press(tab, button);
  await tab.until('globalThis.savedName');
  const [name, text] = await tab.evaluate<[string, string]>(
    `savedFile.arrayBuffer().then((bytes) => [savedName, new Uint8Array(bytes).join()])`,
  );
  await tab.evaluate(`delete HTMLAnchorElement.prototype.click; delete globalThis.savedName; 0`);
  return { name, bytes: Uint8Array.from(text.split(','), Number) };
}

const choose = (tab: Tab, selector: string, value: string): Promise<unknown> =>
  tab.evaluate(`(() => {
    const select = document.querySelector('${selector}');
    select.value = '${value}';
    select.dispatchEvent(new Event('change', { bubbles: true }));
  })()`);

const kindOf = (tab: Tab, kind: string): Promise<unknown> =>
  tab.evaluate(`document.querySelector('input[name=design-kind][value=${kind}]').click()`);

export const designSteps: readonly Step[] = [
  {
    title: 'designs of a class are those of the command, to the bit, and are saved as its sheet; by keys alone',
    async run(tab) {
      await showView(tab, 'design');
      await hasButton(tab, 'Design');
      await tab.fill('#design-count', '6');
      await tab.fill('#design-seed', '7');
      await tab.press('Enter');
      const images = await designs(tab, 6, /6 designs of Dress/);
      const command = await byCommand('--class', 'Dress', '--count', '6', '--seed', '7');
      expect(await sha256(images), command.sha256, 'Designs of Dress');
      expect(await textOf(tab, '.summary code'), /^selvedge generate --class Dress --count 6 --seed 7$/, 'The command');
      expect(await textOf(tab, '[role=status].unseen'), '6 designs of Dress', 'What is said');
      const { name, bytes } = await saved(tab, 'Save all as PNG');
      expect(name, 'designs.png', 'The name of the file');
      expect(await sha256(bytes), await sha256(command.sheet), 'The file');
    },
  },
  {
    title: 'classes are mixed by shares, and another seed gives others',
    async run(tab) {
      await showView(tab, 'design');
      await press(tab, 'Shirt');
      await tab.evaluate(`document.querySelector('#share-3').focus()`);
      await tab.press('ArrowRight');
      await tab.press('ArrowRight');
      await tab.until(`/Dress: 75%/.test(document.querySelector('label[for=share-3]').textContent)`);
      await tab.fill('#design-count', '2');
      await press(tab, 'Another seed');
      const images = await designs(tab, 2, /2 designs of Dress \(3\), Shirt \(1\).*--seed 8/);
      const command = await byCommand('--class', 'Dress:3,Shirt:1', '--count', '2', '--seed', '8');
      expect(await sha256(images), command.sha256, 'A mixture');
      await press(tab, 'Shirt');
      await press(tab, 'Dress');
      await press(tab, 'Design');
      await tab.until(`/Choose a class/.test(document.querySelector('main .notice.error')?.textContent)`);
      await press(tab, 'Dress');
    },
  },
  {
    title: 'a picture is varied by strength, to the bit as by the command; what is no picture is refused in words',
    run: (tab) =>
      inScratch(async (folder) => {
        await showView(tab, 'design');
        await kindOf(tab, 'vary');
        await press(tab, 'Design');
        await tab.until(`/Choose a picture/.test(document.querySelector('main .notice.error')?.textContent)`);
        const text = path.join(folder, 'notes.png');
        writeFileSync(text, 'no picture');
        await tab.giveFiles('#design-first-file', [text]);
        await tab.until(`/notes\\.png/.test(document.querySelector('main .notice.error')?.textContent)`);
        const boot = path.join(folder, 'boot.png');
        writeFileSync(boot, (await pictures()).get('Ankle boot')!.bytes);
        await tab.giveFiles('#design-first-file', [boot]);
        await tab.until(`document.querySelector('.end [aria-label="boot.png"]')`);
        await tab.evaluate(`document.querySelector('#design-strength').focus()`);
        await tab.press('ArrowRight');
        await tab.until(`/anew: 55%/.test(document.querySelector('label[for=design-strength]').textContent)`);
        await press(tab, 'Design');
        const images = await designs(tab, 2, /2 designs of Ankle boot/);
        const command = await byCommand('--from', boot, '--strength', '.55', '--count', '2', '--seed', '8');
        expect(await sha256(images), command.sha256, 'Variations');
      }),
  },
  {
    title: 'the way goes from a design to a test image, and a design on it is saved and varied',
    async run(tab) {
      await showView(tab, 'design');
      await tab.evaluate(`document.querySelector('.designs button').focus()`);
      await tab.press('Enter');
      await press(tab, 'Go from it');
      await tab.until(`document.querySelector('.end [aria-label="design 1"]')`);
      await choose(tab, '#design-second-example', 'Bag');
      await tab.until(`document.querySelector('.end [aria-label="the test image of Bag"]')`);
      await tab.fill('#design-count', '8');
      await press(tab, 'Design');
      await designs(tab, 8, /8 designs of Ankle boot to Bag/);
      await tab.evaluate(`document.querySelectorAll('.designs button')[3].click()`);
      const { name, bytes } = await saved(tab, 'Save it');
      expect(name, 'design-4.png', 'The name of the file');
      expect(bytes[1], 0x50, 'The file');
    },
  },
];
