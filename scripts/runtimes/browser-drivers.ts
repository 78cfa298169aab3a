// Browsers of this machine and the packages that drive them: Chromium by playwright-core, Firefox over WebDriver BiDi by puppeteer-core.
// Not here: what is run there. Invariant: headless, with a profile of its own that is removed, never a download of a browser; one that
// hangs is an error in the end.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { runtimesFolder } from './runtime.ts';

const packages = path.join(runtimesFolder, 'node_modules');

/** A page that is open. */
export interface Page {
  /** Value of an expression, awaited; the page calls the functions, so that its content security policy has no say. */
  evaluate(expression: string): Promise<unknown>;
  close(): Promise<void>;
}

export interface Browser {
  /** Opens an address and waits until its scripts have run. */
  open(address: string): Promise<Page>;
  close(): Promise<void>;
}

export interface BrowserKind {
  readonly name: 'chromium' | 'firefox';
  /** Of package.json of test/runtimes. */
  readonly driver: string;
  /** Where it may be: a variable of the environment, names in PATH, and the usual places of each system. */
  readonly places: { readonly variable: string; readonly names: readonly string[]; readonly files: readonly string[] };
  /** The version that the page is told, from what `--version` prints. */
  reportedVersion(printed: string): string;
  launch(binary: string, profile: string): Promise<Browser>;
}

/** The part of playwright-core that is used here: its package is not the project's own. */
interface Playwright {
  readonly chromium: {
    launchPersistentContext(
      profile: string,
      options: { executablePath: string; headless: boolean; args: readonly string[] },
    ): Promise<{
      newPage(): Promise<Page & { goto(address: string): Promise<unknown> }>;
      close(): Promise<void>;
    }>;
  };
}

/** The same of puppeteer-core. */
interface Puppeteer {
  readonly default: {
    launch(options: {
      browser: 'firefox';
      executablePath: string;
      userDataDir: string;
      headless: boolean;
      protocolTimeout: number;
    }): Promise<{
      newPage(): Promise<Page & { goto(address: string): Promise<unknown> }>;
      close(): Promise<void>;
    }>;
  };
}

const load = async <T>(...file: string[]): Promise<T> =>
  (await import(pathToFileURL(path.join(packages, ...file)).href)) as T;

type Context = Awaited<ReturnType<Playwright['chromium']['launchPersistentContext']>>;

/** Several times what the longest fingerprint takes on a crowded machine. */
const EVALUATE_LIMIT_MS = 900_000;
/** A browser that hangs does not close its pages either. */
const CLOSE_LIMIT_MS = 30_000;

/** What a promise comes to, or an error once the time is over. */
async function within<T>(limitMs: number, what: string, promise: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} has not ended within ${limitMs / 1000} s`)), limitMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

const browserOf = (context: Context): Browser => ({
  async open(address) {
    const page = await context.newPage();
    await page.goto(address);
    return {
      evaluate: (expression) => within(EVALUATE_LIMIT_MS, 'What the page was asked', page.evaluate(expression)),
      // The browser, which is killed at the end, takes it along.
      close: () => within(CLOSE_LIMIT_MS, 'The page', page.close()).catch(() => undefined),
    };
  },
  close: () => within(CLOSE_LIMIT_MS, 'The browser', context.close()),
});

const programs = process.env.PROGRAMFILES ?? 'C:\\Program Files';

export const chromium: BrowserKind = {
  name: 'chromium',
  driver: path.join(packages, 'playwright-core', 'index.mjs'),
  places: {
    variable: 'CHROMIUM',
    names: ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'],
    files: [
      '/Applications/Chromium.app/Contents/MacOS/Chromium',
      '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
      `${programs}\\Google\\Chrome\\Application\\chrome.exe`,
    ],
  },
  reportedVersion: (printed) => /\d+(?:\.\d+)+/.exec(printed)?.[0] ?? printed,
  async launch(binary, profile) {
    const { chromium: driver } = await load<Playwright>('playwright-core', 'index.mjs');
    // As root, which containers often are, Chromium wants no sandbox; and their /dev/shm is small.
    const args = process.getuid?.() === 0 ? ['--no-sandbox', '--disable-dev-shm-usage'] : [];
    return browserOf(await driver.launchPersistentContext(profile, { executablePath: binary, headless: true, args }));
  },
};

export const firefox: BrowserKind = {
  name: 'firefox',
  driver: path.join(packages, 'puppeteer-core', 'package.json'),
  places: {
    variable: 'FIREFOX',
    names: ['firefox', 'firefox-esr'],
    files: ['/Applications/Firefox.app/Contents/MacOS/firefox', `${programs}\\Mozilla Firefox\\firefox.exe`],
  },
  // Its agent string has the first of its numbers and a zero.
  reportedVersion: (printed) => `${/\d+/.exec(printed)?.[0]}.0`,
  async launch(binary, profile) {
    const { default: driver } = await load<Puppeteer>('puppeteer-core', 'lib', 'esm', 'puppeteer', 'puppeteer-core.js');
    const options = { executablePath: binary, userDataDir: profile, headless: true, protocolTimeout: 0 };
    return browserOf(await driver.launch({ browser: 'firefox', ...options }));
  },
};

/** The first binary there is. */
export function findBinary({ places: { variable, names, files } }: BrowserKind): string | undefined {
  const named = process.env[variable];
  if (named) return existsSync(named) ? named : undefined;
  const folders = (process.env.PATH ?? '').split(path.delimiter).filter(Boolean);
  const inPath = names.flatMap((name) => folders.map((folder) => path.join(folder, name)));
  return [...inPath, ...files].find((file) => existsSync(file));
}

/** Why a browser cannot be had; undefined if it can. */
export function missingBrowser(kind: BrowserKind): string | undefined {
  const { variable, names } = kind.places;
  if (findBinary(kind) === undefined) {
    const named = process.env[variable];
    return named
      ? `${variable} names "${named}", which is not there`
      : `no ${names.join(', ')} in PATH or in the usual places; ${variable} may name one`;
  }
  return existsSync(kind.driver) ? undefined : `${path.relative(runtimesFolder, kind.driver)} is not there`;
}

/** What `--version` prints. */
export function versionOf(binary: string): string {
  const { stdout } = spawnSync(binary, ['--version'], { encoding: 'utf8', timeout: 30_000 });
  return stdout.trim().split('\n').at(-1) ?? '';
}

/** Starts a browser with a new profile, which goes with it. */
export async function startBrowser(kind: BrowserKind): Promise<Browser> {
  const profile = mkdtempSync(path.join(os.tmpdir(), `selvedge-${kind.name}-`));
  const removeProfile = (): void => rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  try {
    const browser = await kind.launch(findBinary(kind)!, profile);
    return {
      open: browser.open,
      close: async () => {
        await browser.close();
        removeProfile();
      },
    };
  } catch (error) {
    removeProfile();
    throw error;
  }
}
