// The sessions of one browser: on a host with the page's headers, on one without, on one without where the service worker helps, and in the
// dark. Not here: the steps (checks.ts). Invariant: a session ends with an empty console and no violation of the policy.
import type { BrowserKind, BrowserOptions, Tab, TestedBrowser } from './browsers.ts';
import {
  classifySteps,
  engineStep,
  evaluationSteps,
  keyboardSteps,
  type Step,
  sampleSteps,
  similarSteps,
  studySteps,
  trainingSteps,
  wholeDataSteps,
} from './checks.ts';
import { designSteps } from './design-checks.ts';
import { findSteps } from './find-checks.ts';
import { inspectSteps } from './inspect-checks.ts';
import { desktop, type Look, lookAtEverything } from './looks.ts';
import { isReady, openPage, showView, textOf } from './page.ts';
import { type Site, serveSite } from './static-site.ts';

export interface Setting {
  /** Folders of the built site: as it is; and with the service worker and, where there is one, the data set. */
  readonly sites: { readonly plain: string; readonly furnished: string };
  readonly dataFolder: string | undefined;
  /** Where to keep pictures; undefined: nowhere. */
  readonly screenshots: string | undefined;
}

export type Attempt = (title: string, body: () => Promise<void>) => Promise<boolean>;

interface Session {
  readonly label: string;
  readonly folder: string;
  readonly hasHeaders: boolean;
  readonly isDark?: boolean;
  readonly steps: readonly Step[];
}

const looksAs = (look: Look): Step[] =>
  lookAtEverything.map(({ title, run }) => ({ title, run: (tab) => run(tab, look) }));

const isolationStep: Step = {
  title: 'the service worker isolates the page on a host without headers, and the engine gets its threads',
  async run(tab) {
    await tab.until('globalThis.crossOriginIsolated');
    await isReady(tab);
    const said = await textOf(tab, '.engine');
    if (!/WebAssembly with SIMD and threads/.test(said)) throw new Error(`The page says of the engine: ${said}`);
  },
};

const besideStep: Step = {
  title: 'the whole data set beside the page is used',
  async run(tab) {
    await showView(tab, 'data');
    const said = await textOf(tab, 'main');
    if (!/60,000 training and 10,000 test images, from the server of this page/.test(said))
      throw new Error(said.slice(0, 300));
  },
};

function sessionsOf({ name }: BrowserKind, { sites, dataFolder, screenshots }: Setting): Session[] {
  const look = (tone: string): Look => ({ label: `${name}-${tone}`, folder: screenshots });
  return [
    {
      label: 'on a host with headers',
      folder: sites.plain,
      hasHeaders: true,
      steps: [
        engineStep('the page says that the engine has threads', /WebAssembly with SIMD and threads/),
        ...classifySteps,
        ...similarSteps,
        ...findSteps,
        ...designSteps,
        ...inspectSteps,
        ...sampleSteps,
        ...trainingSteps,
        ...evaluationSteps,
        ...studySteps,
        ...looksAs(look('light')),
        ...keyboardSteps,
        ...(dataFolder === undefined ? [] : wholeDataSteps(dataFolder)),
      ],
    },
    {
      label: 'in the dark',
      folder: sites.plain,
      hasHeaders: true,
      isDark: true,
      steps: [...classifySteps.slice(0, 1), ...evaluationSteps.slice(0, 1), ...looksAs(look('dark'))],
    },
    {
      label: 'on a host without headers',
      folder: sites.plain,
      hasHeaders: false,
      steps: [
        engineStep(
          'the page says that there are no threads, and why',
          /without threads.*its host sends no COOP and COEP headers/s,
        ),
        ...classifySteps.slice(0, 1),
      ],
    },
    {
      label: 'on a host without headers, with the service worker',
      folder: sites.furnished,
      hasHeaders: false,
      steps: [isolationStep, ...(dataFolder === undefined ? [] : [besideStep])],
    },
  ];
}

function expectSilence(tab: Tab, site: Site): void {
  const heard = [...tab.errors, ...site.reports];
  if (heard.length > 0) throw new Error(heard.join('\n'));
}

async function runSession(
  browser: TestedBrowser,
  { folder, hasHeaders, steps, label }: Session,
  attempt: Attempt,
): Promise<void> {
  const site = await serveSite(folder, { hasHeaders });
  const tab = await browser.openTab();
  try {
    const isOpen = await attempt(`the page opens ${label}`, () => openPage(tab, site.address));
    await attempt(`what no view has asked for is not fetched ${label}`, async () => {
      const early = site.served.find((file) => /generate-.*\.bin|detect-.*\.selvedge/.test(file));
      if (early !== undefined) throw new Error(`${early} is fetched already`);
    });
    for (const step of isOpen ? steps : []) await attempt(step.title, () => step.run(tab));
    await attempt(`no error in the console and no violation of the policy ${label}`, async () =>
      expectSilence(tab, site),
    );
  } finally {
    await tab.close();
    await site.close();
  }
}

/** Runs all sessions of a browser. */
export async function testBrowser(kind: BrowserKind, setting: Setting, attempt: Attempt): Promise<void> {
  for (const session of sessionsOf(kind, setting)) {
    const options: BrowserOptions = { isDark: session.isDark === true, viewport: desktop };
    let browser: TestedBrowser | undefined;
    const isStarted = await attempt(`the browser starts ${session.label}`, async () => {
      browser = await kind.start(options);
    });
    if (!isStarted || !browser) continue;
    try {
      await runSession(browser, session, attempt);
    } finally {
      await browser.close();
    }
  }
}
