// What the view Inspect must do, as a user does it. Not here: the other views (checks.ts).
// Invariant: whatever is pressed here can be reached by keys.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, inScratch, pictures, type Step } from './checks.ts';
import { press, showView, textOf } from './page.ts';

const choose = (id: string, value: string): string => `(() => {
  const select = document.querySelector('#${id}');
  select.value = '${value}';
  select.dispatchEvent(new Event('change', { bubbles: true }));
})()`;
const saysOf = (pattern: string): string => `/${pattern}/.test(document.querySelector('.verdict-line')?.textContent)`;

export const inspectSteps: readonly Step[] = [
  {
    title: 'an inspector learns from good pictures in the tab, and finds a made defect and where, by keys alone',
    async run(tab) {
      await showView(tab, 'inspect');
      await tab.evaluate(`document.querySelector('.choices .main').focus()`);
      await tab.press('Enter');
      await tab.until(`/Learnt from/.test(document.querySelector('.learnt')?.textContent)`);
      expect(
        await textOf(tab, '.learnt'),
        /Learnt from \d+ good pictures of Ankle boot; \d+ held out .* 5% false alarms/s,
        'What was learnt',
      );
      await tab.evaluate(choose('defect-kind', 'print'));
      await tab.fill('#defect-seed', '2');
      await tab.press('Enter');
      await tab.until(saysOf('Ankle boot 2 with a large print'));
      expect(await textOf(tab, '.verdict-line'), /^Deviates/, 'The verdict');
      expect(await textOf(tab, '.maps'), /Deviates most in column \d+, row \d+ of 28/, 'Where');
      expect(String(await tab.evaluate(`document.querySelectorAll('.maps .overlay').length`)), '2', 'Maps');
      expect(await textOf(tab, '[role=status].unseen'), /Ankle boot 2 with a large print: Deviates, p/, 'What is said');
      const first = await textOf(tab, '[aria-labelledby=inspect-found]');
      await press(tab, 'Another one');
      await tab.until(saysOf('Ankle boot 3'));
      await tab.fill('#defect-seed', '2');
      await tab.press('Enter');
      await tab.until(saysOf('Ankle boot 2'));
      expect(await textOf(tab, '[aria-labelledby=inspect-found]'), first, 'The same seed');
    },
  },
  {
    title: 'another garment deviates; too few good pictures and what is no picture are refused in words',
    run: (tab) =>
      inScratch(async (folder) => {
        await showView(tab, 'inspect');
        const all = await pictures();
        const file = path.join(folder, 'trouser.png');
        writeFileSync(file, all.get('Trouser')!.bytes);
        await tab.giveFiles('#inspect-file', [file]);
        await tab.until(saysOf('Deviates trouser\\.png'));
        const text = path.join(folder, 'notes.png');
        writeFileSync(text, 'no picture');
        await tab.giveFiles('#inspect-file', [text]);
        await tab.until(`/notes\\.png/.test(document.querySelector('.card .notice.error')?.textContent)`);
        await tab.giveFiles('#good-files', [file, text]);
        await tab.until(
          `/expected at least 35 good pictures.* got 1/.test(document.querySelector('main .notice.error')?.textContent)`,
        );
        await press(tab, 'Learn');
        await tab.until(`/Learnt from/.test(document.querySelector('.learnt')?.textContent)`);
        await press(tab, 'Inspect it');
        await tab.until(`document.querySelector('.maps')`);
      }),
  },
];
