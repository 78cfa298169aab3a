// Answers over HTTP on Bun what pictures show.
import { createLocalApp } from 'selvedge/serve/local';

const app = await createLocalApp({ onError: console.error });
const server = Bun.serve({ fetch: app.fetch, hostname: '127.0.0.1', port: Number(process.env.PORT ?? 8000) });
console.log(`Serving on http://127.0.0.1:${server.port}`);
