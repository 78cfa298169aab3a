// Takes the picture of the page that the README shows: docs/page.png. Run it by hand after `npm run web:build`, where the page looks otherwise.
//
//   node --import tsx web/test/take-picture.ts
import path from 'node:path';
import { root } from '../../scripts/runtimes/runtime.ts';
import { browserKinds } from './browsers.ts';
import { answerFor, drawShirt, openPage } from './page.ts';
import { serveSite } from './static-site.ts';

const site = await serveSite(path.join(root, 'web', 'dist'), { hasHeaders: true });
const browser = await browserKinds[0]!.start({ isDark: false, viewport: { width: 1120, height: 820 } });
const tab = await browser.openTab();
await openPage(tab, site.address);
await drawShirt(tab);
await answerFor(tab, 'your drawing');
await tab.screenshot(path.join(root, 'docs', 'page.png'), { isWhole: true });
await browser.close();
await site.close();
