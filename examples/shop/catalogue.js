// The shop's goods: test images, categorised by the model `dropout`, in an embedded database and an index that is searched.
// Not here: pages (pages.js), requests (server.js). Invariant: made once, when the shop is first opened; the database then has what happens in it.

import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { PGlite } from '@electric-sql/pglite';
import { decodeIndex, encodeIndex, makeCatalogue, openEmbedder } from 'selvedge/apps';
import { startBackend } from 'selvedge/backend';
import { loadFashionMnistSample } from 'selvedge/data';
import { loadShippedModel } from 'selvedge/models';

const folder = process.env.SHOP_FOLDER ?? fileURLToPath(new URL('.shop', import.meta.url));
const indexFile = `${folder}/catalogue.index`;

/** Opens the shop: its database, its catalogue, and the model that looks at pictures. */
export async function openShop() {
  mkdirSync(folder, { recursive: true });
  await startBackend();
  const { model, metadata } = await loadShippedModel();
  const embedder = await openEmbedder(model);
  const database = await PGlite.create(`${folder}/database`);
  await database.exec(`
    CREATE TABLE IF NOT EXISTS items (id text PRIMARY KEY, row integer NOT NULL, category text NOT NULL, confidence real NOT NULL);
    CREATE INDEX IF NOT EXISTS items_by_category ON items (category);
    CREATE TABLE IF NOT EXISTS events (number serial PRIMARY KEY, happened timestamptz NOT NULL DEFAULT now(),
      shopper text NOT NULL, kind text NOT NULL, item text NOT NULL REFERENCES items (id));
    CREATE INDEX IF NOT EXISTS events_by_shopper ON events (shopper);`);
  if (!existsSync(indexFile)) await fill(embedder, metadata.classNames);
  const catalogue = await decodeIndex(readFileSync(indexFile), { name: indexFile });
  await stock(database, catalogue);
  return { database, catalogue, embedder };
}

/** Embeds and categorises the goods. */
async function fill(embedder, classNames) {
  const { test } = await loadFashionMnistSample();
  const ids = Array.from({ length: test.count }, (_, i) => `item-${i}`);
  const bytes = await encodeIndex(await makeCatalogue(embedder, { ids, images: test.images, classNames }));
  writeFileSync(`${indexFile}.new`, bytes);
  renameSync(`${indexFile}.new`, indexFile);
}

/** Brings the database to what the catalogue has. */
async function stock(database, { ids, labels, confidences, classNames }) {
  const { rows } = await database.query('SELECT count(*)::integer AS count FROM items');
  if (rows[0].count === ids.length) return;
  await database.query(
    `INSERT INTO items SELECT * FROM unnest($1::text[], $2::integer[], $3::text[], $4::real[]) ON CONFLICT (id) DO NOTHING`,
    [ids, ids.map((_, row) => row), Array.from(labels, (label) => classNames[label]), Array.from(confidences)],
  );
}

/** What a shopper did, or everybody, as `recommend` takes it. */
export async function eventsOf(database, shopper) {
  const { rows } = await database.query(
    `SELECT happened, shopper, kind, item FROM events ${shopper === undefined ? '' : 'WHERE shopper = $1'} ORDER BY happened, number`,
    shopper === undefined ? [] : [shopper],
  );
  return rows.map(({ happened, shopper: whose, kind, item }) => ({
    timeMs: happened.getTime(),
    kind,
    item,
    shopper: whose,
  }));
}
