// The browsers that the page is tested in, behind one small interface: Chromium by Playwright, Firefox over WebDriver BiDi by Puppeteer.
// Not here: what is tested. Invariant: headless, with a new profile, and every error of the console is kept.
import { chromium as playwright } from 'playwright-core';
import puppeteer from 'puppeteer-core';
import { chromium, findBinary, firefox, versionOf } from '../../scripts/runtimes/browser-drivers.ts';

export interface Viewport {
  readonly width: number;
  readonly height: number;
}

/** A page that is open. Selectors are of CSS; each action waits until there is something to act on. */
export interface Tab {
  /** What the console was told of errors, and exceptions that nobody caught. */
  readonly errors: string[];
  open(address: string): Promise<void>;
  reload(): Promise<void>;
  /** Value of an expression, awaited. */
  evaluate<T>(expression: string): Promise<T>;
  /** Waits until an expression is true. */
  until(expression: string): Promise<void>;
  click(selector: string): Promise<void>;
  /** Types into a field in place of what it has. */
  fill(selector: string, text: string): Promise<void>;
  giveFiles(selector: string, files: readonly string[]): Promise<void>;
  /** Presses the mouse at the first point, moves through the others, and lets go; in pixels of the window. */
  drag(points: readonly (readonly [number, number])[]): Promise<void>;
  press(key: string): Promise<void>;
  resize(viewport: Viewport): Promise<void>;
  screenshot(file: string, options: { readonly isWhole: boolean }): Promise<void>;
  close(): Promise<void>;
}

export interface TestedBrowser {
  readonly version: string;
  /** A tab with an empty storage. */
  openTab(): Promise<Tab>;
  close(): Promise<void>;
}

export interface BrowserOptions {
  readonly isDark: boolean;
  readonly viewport: Viewport;
}

const WAIT_MS = 120_000;
const POLL_MS = 50;
const STEPS = 4;

/** Asks from outside: what drivers put into a page to wait there is evaluated, which the page's policy forbids. */
async function waitUntil(evaluate: (expression: string) => Promise<unknown>, expression: string): Promise<void> {
  const end = Date.now() + WAIT_MS;
  // A page that is just being loaded anew cannot be asked.
  while (!(await evaluate(`Boolean(${expression})`).catch(() => false))) {
    if (Date.now() > end) throw new Error(`Waited in vain for ${expression}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** Errors that say nothing of the page: headless browsers have no GPU to tell of. */
const isOfThePage = (text: string): boolean => !/GPU|WebGL/.test(text);

async function startChromium({ isDark, viewport }: BrowserOptions): Promise<TestedBrowser> {
  const executablePath = findBinary(chromium)!;
  const args = process.getuid?.() === 0 ? ['--no-sandbox', '--disable-dev-shm-usage'] : [];
  const browser = await playwright.launch({ executablePath, headless: true, args });
  return {
    version: versionOf(executablePath),
    async openTab() {
      const colorScheme = isDark ? 'dark' : 'light';
      const context = await browser.newContext({ viewport, colorScheme, acceptDownloads: true });
      const page = await context.newPage();
      page.setDefaultTimeout(WAIT_MS);
      const errors: string[] = [];
      page.on('console', (message) => {
        if (message.type() === 'error' && isOfThePage(message.text())) errors.push(message.text());
      });
      page.on('pageerror', (error) => errors.push(error.message));
      return {
        errors,
        open: async (address) => void (await page.goto(address)),
        reload: async () => void (await page.reload()),
        evaluate: <T>(expression: string) => page.evaluate(expression) as Promise<T>,
        until: (expression) => waitUntil((text) => page.evaluate(text), expression),
        click: (selector) => page.click(selector),
        fill: (selector, text) => page.fill(selector, text),
        giveFiles: (selector, files) => page.setInputFiles(selector, [...files]),
        async drag([first, ...rest]) {
          await page.mouse.move(...first!);
          await page.mouse.down();
          for (const point of rest) await page.mouse.move(...point, { steps: STEPS });
          await page.mouse.up();
        },
        press: (key) => page.keyboard.press(key),
        resize: (size) => page.setViewportSize(size),
        screenshot: async (path, { isWhole }) => void (await page.screenshot({ path, fullPage: isWhole })),
        close: () => context.close(),
      };
    },
    close: () => browser.close(),
  };
}

async function startFirefox({ isDark, viewport }: BrowserOptions): Promise<TestedBrowser> {
  const executablePath = findBinary(firefox)!;
  const browser = await puppeteer.launch({
    browser: 'firefox',
    executablePath,
    headless: true,
    protocolTimeout: 2 * WAIT_MS,
    defaultViewport: viewport,
    // What Firefox takes for the choice of the system.
    extraPrefsFirefox: { 'layout.css.prefers-color-scheme.content-override': isDark ? 0 : 1 },
  });
  return {
    version: versionOf(executablePath),
    async openTab() {
      const context = await browser.createBrowserContext();
      const page = await context.newPage();
      page.setDefaultTimeout(WAIT_MS);
      const errors: string[] = [];
      page.on('console', (message) => {
        if (message.type() === 'error' && isOfThePage(message.text())) errors.push(message.text());
      });
      page.on('pageerror', (error) => errors.push(error instanceof Error ? error.message : String(error)));
      return {
        errors,
        open: async (address) => void (await page.goto(address)),
        reload: async () => void (await page.reload()),
        evaluate: <T>(expression: string) => page.evaluate(expression) as Promise<T>,
        until: (expression) => waitUntil((text) => page.evaluate(text), expression),
        click: (selector) => page.locator(selector).click(),
        fill: (selector, text) => page.locator(selector).fill(text),
        async giveFiles(selector, files) {
          const input = (await page.$(selector)) as Awaited<ReturnType<typeof page.$<'input'>>>;
          await input!.uploadFile(...files);
        },
        async drag([first, ...rest]) {
          await page.mouse.move(...first!);
          await page.mouse.down();
          for (const point of rest) await page.mouse.move(...point, { steps: STEPS });
          await page.mouse.up();
        },
        press: (key) => page.keyboard.press(key as 'Tab'),
        resize: (size) => page.setViewport(size),
        screenshot: async (path, { isWhole }) =>
          void (await page.screenshot({ path: path as `${string}.png`, fullPage: isWhole })),
        close: () => context.close(),
      };
    },
    close: () => browser.close(),
  };
}

/** How a browser is started; `missing` says why it cannot be. */
export interface BrowserKind {
  readonly name: 'chromium' | 'firefox';
  missing(): string | undefined;
  start(options: BrowserOptions): Promise<TestedBrowser>;
}

const missing = (kind: typeof chromium) => (): string | undefined =>
  findBinary(kind) === undefined
    ? `no ${kind.places.names.join(', ')} on this machine; ${kind.places.variable} may name one`
    : undefined;

export const browserKinds: readonly BrowserKind[] = [
  { name: 'chromium', missing: missing(chromium), start: startChromium },
  { name: 'firefox', missing: missing(firefox), start: startFirefox },
];
