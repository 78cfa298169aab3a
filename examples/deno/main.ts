// Answers over HTTP on Deno what pictures show.
import { createLocalApp } from 'selvedge/serve/local';

const app = await createLocalApp({ onError: console.error });
Deno.serve(
  {
    hostname: '127.0.0.1',
    port: Number(Deno.env.get('PORT') ?? 8000),
    onListen: ({ port }) => console.log(`Serving on http://127.0.0.1:${port}`),
  },
  (request) => app.fetch(request),
);
