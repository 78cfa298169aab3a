// A shop on one machine: goods by category, search by picture, likes, purchases, returns, and recommendations with reasons.
// Invariant: whatever is asked, the answer is a page; what happens is in the database before it is answered.
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { getCookie, setCookie } from 'hono/cookie';
import { recommend, searchCatalogue } from 'selvedge/apps';
import { decodeImage, prepareImage } from 'selvedge/data';
import { eventsOf, openShop } from './catalogue.js';
import { errorPage, frontPage, itemPage, listPage, pictureOf } from './pages.js';

const { database, catalogue, embedder } = await openShop();
const { ids, classNames, labels, confidences } = catalogue;
const rows = new Map(ids.map((id, row) => [id, row]));
const categoryOf = (row) => classNames[labels[row]];
const app = new Hono();

/** A name in a cookie is all that the shop knows of a shopper. */
app.use(async (context, next) => {
  const known = getCookie(context, 'shopper');
  const shopper = /^shopper-[0-9a-f-]{36}$/.test(known ?? '') ? known : `shopper-${crypto.randomUUID()}`;
  if (shopper !== known) setCookie(context, 'shopper', shopper, { httpOnly: true, sameSite: 'Strict' });
  context.set('shopper', shopper);
  await next();
});

async function similarTo(vector, row) {
  const without = new Uint8Array(ids.length);
  if (row !== undefined) without[row] = 1;
  const [found] = await searchCatalogue(catalogue, vector, { count: 12, without });
  return found.map(({ row: other, similarity }) => ({
    id: ids[other],
    category: categoryOf(other),
    note: `${(100 * similarity).toFixed(1)}% alike`,
  }));
}

app.get('/health', (context) =>
  context.json({ status: 'ok', items: ids.length, runtime: `node ${process.versions.node}` }),
);

app.get('/', async (context) => {
  const shopper = context.get('shopper');
  const { rows: categories } = await database.query(
    'SELECT category, count(*)::integer AS count FROM items GROUP BY category ORDER BY category',
  );
  const own = await eventsOf(database, shopper);
  const others = await eventsOf(database);
  const list = await recommend(catalogue, own, { count: 12, others }).catch((error) => {
    if (error.code === 'recommend/nothing-left') return [];
    throw error;
  });
  const suggestions = list.map(({ id, class: category, reason }) => ({ id, category, note: reason.words }));
  return context.html(frontPage({ categories, suggestions, shopper }));
});

app.get('/categories', async (context) => {
  const name = context.req.query('name') ?? '';
  const { rows: items } = await database.query(
    'SELECT id, category, confidence FROM items WHERE category = $1 ORDER BY row LIMIT 60',
    [name],
  );
  if (items.length === 0) return context.html(errorPage(`There is no category "${name}".`), 404);
  return context.html(
    listPage(
      name,
      items.map((item) => ({ ...item, note: item.id })),
    ),
  );
});

app.get('/pictures/:file{.+\\.png}', (context) => {
  const row = rows.get(context.req.param('file').slice(0, -4));
  if (row === undefined) return context.notFound();
  return context.body(pictureOf(catalogue, row), 200, { 'content-type': 'image/png', 'cache-control': 'max-age=3600' });
});

app.get('/items/:id', async (context) => {
  const id = context.req.param('id');
  const row = rows.get(id);
  if (row === undefined) return context.notFound();
  const shopper = context.get('shopper');
  const before = await database.query(
    `SELECT kind FROM events WHERE shopper = $1 AND item = $2 AND kind IN ('purchase', 'return') ORDER BY number DESC LIMIT 1`,
    [shopper, id],
  );
  await database.query(`INSERT INTO events (shopper, kind, item) VALUES ($1, 'view', $2)`, [shopper, id]);
  const vector = embedder.embed(pixelsOf(row)).vectors;
  return context.html(
    itemPage({
      id,
      category: categoryOf(row),
      confidence: confidences[row],
      owned: before.rows[0]?.kind === 'purchase',
      similar: await similarTo(vector, row),
    }),
  );
});

function pixelsOf(row) {
  const { pixels, height, width } = catalogue.pictures;
  return pixels.subarray(row * height * width, (row + 1) * height * width);
}

app.post('/items/:id/:kind{like|purchase|return}', async (context) => {
  const { id, kind } = context.req.param();
  if (!rows.has(id)) return context.notFound();
  await database.query('INSERT INTO events (shopper, kind, item) VALUES ($1, $2, $3)', [
    context.get('shopper'),
    kind,
    id,
  ]);
  return context.redirect('/', 303);
});

app.post('/similar', async (context) => {
  const { picture } = await context.req.parseBody();
  if (!(picture instanceof File)) return context.html(errorPage('Choose a picture first.'), 400);
  try {
    const decoded = await decodeImage(new Uint8Array(await picture.arrayBuffer()), { name: picture.name });
    const { pixels } = prepareImage(decoded, { name: picture.name });
    return context.html(listPage(`Like ${picture.name}`, await similarTo(embedder.embed(pixels).vectors)));
  } catch (error) {
    if (!String(error.code).startsWith('image/')) throw error;
    return context.html(errorPage(error.message), 422);
  }
});

app.notFound((context) => context.html(errorPage('There is nothing here.'), 404));
app.onError((error, context) => {
  console.error(error);
  return context.html(errorPage('Something went wrong on our side.'), 500);
});

const server = serve(
  { fetch: app.fetch, hostname: '127.0.0.1', port: Number(process.env.PORT ?? 8000) },
  ({ port }) => {
    console.log(`Serving on http://127.0.0.1:${port}`);
  },
);
process.on('SIGINT', () => {
  server.close();
  void database.close().finally(() => process.exit(0));
});
