// Answers over HTTP on Node what pictures show.
import { serve } from '@hono/node-server';
import { createLocalApp } from 'selvedge/serve/local';

const app = await createLocalApp({ onError: console.error });
const port = Number(process.env.PORT ?? 8000);
serve({ fetch: app.fetch, hostname: '127.0.0.1', port }, (address) => {
  console.log(`Serving on http://127.0.0.1:${address.port}`);
});
