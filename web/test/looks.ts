// How the page looks and reads in each of its views: axe finds nothing, nothing scrolls sideways on a phone, and pictures are taken for people.
// Not here: whether what it shows is right. Invariant: every view is looked at with what earlier checks left in it.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import axe from 'axe-core';
import { type Route, routes } from '../src/state/routes.ts';
import type { Tab, Viewport } from './browsers.ts';
import { showView } from './page.ts';

export const desktop: Viewport = { width: 1280, height: 860 };
export const phone: Viewport = { width: 360, height: 760 };

/** WCAG 2.2 A and AA, and what axe's authors hold for good practice. */
const axeOptions = { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] };

interface AxeViolation {
  readonly id: string;
  readonly help: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
}

async function violationsOf(tab: Tab): Promise<string[]> {
  if (!(await tab.evaluate<boolean>(`'axe' in globalThis`))) await tab.evaluate(`${axe.source}; 0`);
  const text = await tab.evaluate<string>(
    `axe.run(document, ${JSON.stringify(axeOptions)}).then(({ violations }) => JSON.stringify(violations))`,
  );
  return (JSON.parse(text) as AxeViolation[]).map(
    ({ id, help, nodes }) =>
      `${id}: ${help}\n  ${nodes.map(({ html, failureSummary }) => `${html.slice(0, 200)} ${failureSummary ?? ''}`).join('\n  ')}`,
  );
}

/** Elements that stick out of the window, the innermost ones. */
const stickingOut = `[...document.querySelectorAll('body *')]
  .filter((element) => element.getBoundingClientRect().right > innerWidth + 1 && !element.closest('.scrolling, .unseen, pre'))
  .map((element) => element.outerHTML.slice(0, 120)).slice(0, 5).join('\\n')`;

export interface Look {
  readonly label: string;
  readonly folder: string | undefined;
}

/** @throws Error naming the view and all that is wrong with it */
export async function lookAtView(tab: Tab, view: Route, { label, folder }: Look): Promise<void> {
  const problems: string[] = [];
  for (const [name, viewport] of Object.entries({ desktop, phone })) {
    await tab.resize(viewport);
    await showView(tab, view);
    await tab.evaluate(`new Promise((done) => setTimeout(done, 300))`);
    problems.push(...(await violationsOf(tab)).map((problem) => `${name}: ${problem}`));
    const width = await tab.evaluate<number>('document.documentElement.scrollWidth');
    if (width > viewport.width) {
      problems.push(
        `${name}: ${width} pixels wide, not ${viewport.width}:\n${await tab.evaluate<string>(stickingOut)}`,
      );
    }
    if (folder === undefined) continue;
    mkdirSync(folder, { recursive: true });
    await tab.screenshot(path.join(folder, `${label}-${name}-${view}.png`), { isWhole: true });
  }
  await tab.resize(desktop);
  if (problems.length > 0) throw new Error(`The view "${view}": ${problems.join('\n')}`);
}

export const lookAtEverything = routes.map((view) => ({
  title: `the view "${view}" is accessible by axe's rules and fits a phone`,
  run: (tab: Tab, look: Look) => lookAtView(tab, view, look),
}));
