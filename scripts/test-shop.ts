// What is asked of examples/shop, as a new shopper does: look, search by a picture, buy, send back, and see what is recommended and why.
// Not here: starting it (test-examples.ts).
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** A new folder for the shop's database, removed at the end. */
export function shopFolder(): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'selvedge-shop-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

type Check = readonly [title: string, run: () => Promise<string | undefined>];

/** Checks that tell what is wrong; undefined: nothing. */
export function askShop(url: string): readonly Check[] {
  let cookie = '';
  const get = async (place: string, init: RequestInit = {}): Promise<{ status: number; text: string }> => {
    const answer = await fetch(`${url}${place}`, { redirect: 'manual', headers: { cookie }, ...init });
    cookie = answer.headers.get('set-cookie')?.split(';')[0] ?? cookie;
    return { status: answer.status, text: await answer.text() };
  };
  const expect = ({ status, text }: { status: number; text: string }, wanted: number, holds: RegExp) =>
    status === wanted && holds.test(text)
      ? undefined
      : `expected ${wanted} and ${holds}, got ${status} ${text.slice(-400)}`;
  const sendPicture = async (bytes: BlobPart): Promise<{ status: number; text: string }> => {
    const body = new FormData();
    body.append('picture', new File([bytes], 'mine.png', { type: 'image/png' }));
    return get('/similar', { method: 'POST', body });
  };
  return [
    [
      'a new shopper gets categories and something typical',
      async () => expect(await get('/'), 200, /Ankle boot \(\d+\).*A typical ankle boot/s),
    ],
    ['a category', async () => expect(await get('/categories?name=Bag'), 200, /alt="Bag, item-\d+"/)],
    ['a category that there is not', async () => expect(await get('/categories?name=Hat'), 404, /no category .*Hat/)],
    ['an item with similar ones', async () => expect(await get('/items/item-0'), 200, /Similar.*9\d\.\d% alike/s)],
    ['an item that there is not', async () => expect(await get('/items/hat'), 404, /nothing here/)],
    ['a purchase', async () => expect(await get('/items/item-0/purchase', { method: 'POST' }), 303, /^/)],
    ['what is like it is recommended', async () => expect(await get('/'), 200, /Like the ankle boot you kept/)],
    [
      'what is owned is not',
      async () => {
        const { text } = await get('/');
        return text.includes('/items/item-0"') ? 'item-0 is recommended to who owns it' : undefined;
      },
    ],
    ['a return', async () => expect(await get('/items/item-0/return', { method: 'POST' }), 303, /^/)],
    [
      'what was sent back brings nothing like it',
      async () => {
        const { status, text } = await get('/');
        return status === 200 && !/you kept/.test(text) ? undefined : `got ${status}, ${text.slice(-300)}`;
      },
    ],
    [
      'a search by picture',
      async () => {
        const picture = await (await fetch(`${url}/pictures/item-3.png`)).arrayBuffer();
        return expect(await sendPicture(picture), 200, /Like mine\.png.*item-3"/s);
      },
    ],
    ['a search by what is no picture', async () => expect(await sendPicture('x'), 422, /PNG, JPEG or WebP/)],
  ];
}
