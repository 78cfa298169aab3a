// What the view Find must do, as a user does it. Not here: the other views (checks.ts).
// Invariant: whatever is pressed here can be reached by keys.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { encodeGrayPng } from '../../src/report/index.ts';
import { expect, inScratch, pictures, type Step } from './checks.ts';
import { press, showView, textOf } from './page.ts';

export const findSteps: readonly Step[] = [
  {
    title: 'items of a composed scene are found in the tab: boxes, a list, the same for the same seed, by keys alone',
    async run(tab) {
      await showView(tab, 'find');
      await tab.fill('#scene-seed', '7');
      await tab.press('Enter');
      const list = `[aria-label="Items found"]`;
      await tab.until(`document.querySelectorAll('${list} li').length > 0`);
      const first = await textOf(tab, list);
      expect(first, /\d\d%.*pixels, \d+ from the left, \d+ from the top/, 'The list');
      const sizes = `[document.querySelectorAll('${list} li').length, document.querySelectorAll('.boxes .line').length].join()`;
      expect(await tab.evaluate(sizes), /^(\d+),\1$/, 'Items and boxes');
      expect(await textOf(tab, '[role=status].unseen'), /\d+ items? found in the scene 7/, 'What is said');
      await press(tab, 'Another one');
      await tab.until(`/in the scene 8/.test(document.querySelector('.summary').textContent)`);
      await tab.fill('#scene-seed', '7');
      await tab.press('Enter');
      await tab.until(`/in the scene 7/.test(document.querySelector('.summary').textContent)`);
      expect(await textOf(tab, list), first, 'The same seed');
      await tab.evaluate(`document.querySelector('${list} button').focus()`);
      await tab.press('Enter');
      await tab.until(`document.querySelectorAll('.boxes .pointed').length === 1`);
      await tab.evaluate(`document.querySelector('#least-score').focus()`);
      await tab.press('End');
      await tab.until(`/95%/.test(document.querySelector('label[for=least-score]').textContent)`);
      await tab.press('Home');
      await tab.until(`/20%/.test(document.querySelector('label[for=least-score]').textContent)`);
    },
  },
  {
    title: 'items of a picture of the user are found; one of nothing and what is no picture are refused in words',
    run: (tab) =>
      inScratch(async (folder) => {
        await showView(tab, 'find');
        const boot = (await pictures()).get('Ankle boot')!;
        const file = path.join(folder, 'boot.png');
        writeFileSync(file, boot.bytes);
        await tab.giveFiles('#find-file', [file]);
        await tab.until(`/found in boot\\.png/.test(document.querySelector('.summary')?.textContent)`);
        expect(await textOf(tab, '[aria-label="Items found"]'), /Ankle boot/, 'What is found');
        const blank = path.join(folder, 'nothing.png');
        writeFileSync(blank, encodeGrayPng({ width: 40, height: 40, pixels: new Uint8Array(1600).fill(200) }));
        await tab.giveFiles('#find-file', [blank]);
        await tab.until(`/nothing stands out/.test(document.querySelector('main .notice.error')?.textContent)`);
        const text = path.join(folder, 'notes.png');
        writeFileSync(text, 'no picture');
        await tab.giveFiles('#find-file', [text]);
        await tab.until(`/notes\\.png/.test(document.querySelector('main .notice.error')?.textContent)`);
        await press(tab, 'Compose a scene');
        await tab.until(`document.querySelector('.boxes')`);
      }),
  },
];
