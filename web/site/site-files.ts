// A plugin of Vite: files that the page fetches by name, served in development and written into the built site.
//
//   data/*.gz   the whole data set, where asked for      isolate.js   the service worker, where asked for
//   _headers    the page's headers, for hosts that read them there: Cloudflare Pages, Netlify (built site only)
//
// Not here: what modules import, which Vite finds itself. Invariant: names are the same in development and in the built site.
import { createReadStream, existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { fashionMnistFiles } from 'selvedge/data';
import type { Plugin } from 'vite';
import { pageHeaders } from './headers.ts';

const web = fileURLToPath(new URL('..', import.meta.url));

export interface SiteFilesOptions {
  /** Folder of the whole data set; undefined: the site has the sample alone. */
  readonly dataFolder: string | undefined;
  readonly isIsolating: boolean;
}

/** Path of each file by its name in the site. */
function findFiles({ dataFolder, isIsolating }: SiteFilesOptions): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  if (dataFolder !== undefined) {
    for (const { name } of Object.values(fashionMnistFiles)) files.set(`data/${name}`, path.join(dataFolder, name));
  }
  if (isIsolating) files.set('isolate.js', path.join(web, 'isolate.js'));
  for (const [name, file] of files)
    if (!existsSync(file)) throw new Error(`Cannot serve "${name}": there is no ${file}`);
  return files;
}

const types: Readonly<Record<string, string>> = { '.js': 'text/javascript', '.json': 'application/json' };

export function siteFiles(options: SiteFilesOptions): Plugin {
  const files = findFiles(options);
  return {
    name: 'selvedge-site-files',
    configureServer({ middlewares }) {
      middlewares.use((request, response, next) => {
        const name = new URL(request.url ?? '/', 'http://localhost').pathname.slice(1);
        const file = files.get(name);
        if (file === undefined) return next();
        // Not `Content-Encoding: gzip`: the page checks the digest of the compressed file.
        response.writeHead(200, {
          'Content-Type': types[path.extname(file)] ?? 'application/octet-stream',
          'Content-Length': statSync(file).size,
        });
        if (request.method === 'HEAD') response.end();
        else createReadStream(file).pipe(response);
      });
    },
    generateBundle() {
      const lines = Object.entries(pageHeaders).map(([name, value]) => `  ${name}: ${value}\n`);
      this.emitFile({ type: 'asset', fileName: '_headers', source: `/*\n${lines.join('')}` });
      for (const [fileName, file] of files) this.emitFile({ type: 'asset', fileName, source: readFileSync(file) });
    },
  };
}
