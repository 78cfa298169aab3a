// The page as a test sees it: views, buttons by their text, drawings, files by drop and paste. Not here: what must come of it.
// Invariant: whatever a user would do by hand is done through the browser's own input, but for drop and paste, which drivers cannot do.
import type { Route } from '../src/state/routes.ts';
import type { Tab } from './browsers.ts';

const quoted = JSON.stringify;

/** Opens the page and waits until engine and data are there. */
export async function openPage(tab: Tab, address: string): Promise<void> {
  await tab.open(address);
  await isReady(tab);
}

export const isReady = (tab: Tab): Promise<void> =>
  tab.until(`document.querySelector('.engine summary, .engine.failed')`);

export async function showView(tab: Tab, view: Route): Promise<void> {
  await tab.evaluate(`location.hash = ${quoted(view)}`);
  await tab.until(`document.querySelector('nav [aria-current]')?.hash === ${quoted(`#${view}`)}`);
}

/** Text of the first element that a selector finds; empty if there is none. */
export const textOf = (tab: Tab, selector: string): Promise<string> =>
  tab.evaluate(`document.querySelector(${quoted(selector)})?.textContent ?? ''`);

const buttonOf = (text: string): string =>
  `[...document.querySelectorAll('main button')].find((button) => button.textContent.trim() === ${quoted(text)} && !button.disabled)`;

export const hasButton = (tab: Tab, text: string): Promise<void> => tab.until(buttonOf(text));

/** Presses the button of exactly this text, once it can be pressed. */
export async function press(tab: Tab, text: string): Promise<void> {
  await hasButton(tab, text);
  await tab.evaluate(`${buttonOf(text)}.setAttribute('data-pressed', '')`);
  // Where the page scrolls smoothly, a button is not yet where it will be.
  await tab.evaluate(`new Promise((done) => {
    const button = document.querySelector('[data-pressed]');
    button.scrollIntoView({ block: 'center', behavior: 'instant' });
    let last;
    const timer = setInterval(() => {
      const { y } = button.getBoundingClientRect();
      if (y === last) done(clearInterval(timer));
      last = y;
    }, 100);
  })`);
  await tab.click('[data-pressed]');
  await tab.evaluate(`document.querySelector('[data-pressed]')?.removeAttribute('data-pressed')`);
}

/** Outline of a T-shirt, in shares of the drawing area. */
const shirt = [
  [0.34, 0.2],
  [0.43, 0.23],
  [0.57, 0.23],
  [0.66, 0.2],
  [0.9, 0.38],
  [0.8, 0.5],
  [0.7, 0.43],
  [0.7, 0.85],
  [0.3, 0.85],
  [0.3, 0.43],
  [0.2, 0.5],
  [0.1, 0.38],
] as const;

export async function drawShirt(tab: Tab): Promise<void> {
  await tab.evaluate(
    `document.querySelector('.drawing canvas').scrollIntoView({ block: 'center', behavior: 'instant' })`,
  );
  const box = await tab.evaluate<{ x: number; y: number; width: number; height: number }>(
    `document.querySelector('.drawing canvas').getBoundingClientRect().toJSON()`,
  );
  await tab.drag(shirt.map(([x, y]) => [box.x + x * box.width, box.y + y * box.height] as const));
}

export interface GivenFile {
  readonly name: string;
  readonly type: string;
  readonly bytes: Uint8Array;
}

const transferOf = ({ name, type, bytes }: GivenFile): string =>
  `(() => {
    const bytes = Uint8Array.from(atob(${quoted(Buffer.from(bytes).toString('base64'))}), (letter) => letter.charCodeAt(0));
    const transfer = new DataTransfer();
    transfer.items.add(new File([bytes], ${quoted(name)}, { type: ${quoted(type)} }));
    return transfer;
  })()`;

export const drop = (tab: Tab, selector: string, file: GivenFile): Promise<unknown> =>
  tab.evaluate(
    `document.querySelector(${quoted(selector)}).dispatchEvent(new DragEvent('drop', { bubbles: true, cancelable: true, dataTransfer: ${transferOf(file)} })) && 0`,
  );

/** Firefox gives a ClipboardEvent of a script no files. */
export const paste = (tab: Tab, file: GivenFile): Promise<unknown> =>
  tab.evaluate(`(() => {
    const event = new Event('paste', { bubbles: true, cancelable: true });
    Object.defineProperty(event, 'clipboardData', { value: ${transferOf(file)} });
    document.dispatchEvent(event);
  })()`);

/** The likeliest class, once one of this name of picture is there. */
export async function answerFor(tab: Tab, picture: string): Promise<string> {
  await tab.until(
    `document.querySelector('.verdict .image')?.getAttribute('aria-label').startsWith(${quoted(`${picture},`)}) || document.querySelector('main .notice.error')`,
  );
  return (await textOf(tab, '.best')) || (await textOf(tab, 'main .notice.error'));
}

/** A JSON file of the origin-private file system. */
export const storedJson = <T>(tab: Tab, file: string): Promise<T> =>
  tab.evaluate(`(async () => {
    let folder = await navigator.storage.getDirectory();
    const names = ${quoted(file)}.split('/');
    const last = names.pop();
    for (const name of names) folder = await folder.getDirectoryHandle(name);
    return JSON.parse(await (await (await folder.getFileHandle(last)).getFile()).text());
  })()`);
