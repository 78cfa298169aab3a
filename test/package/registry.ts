// A registry that has one package, which is not published yet, and sends whoever asks for another to the real one.
// So `npm install selvedge`, `bun add selvedge` and `npm:selvedge` are what users will type. Invariant: it serves this machine alone.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const UPSTREAM = process.env.npm_config_registry ?? 'https://registry.npmjs.org/';

export interface Registry {
  readonly address: string;
  close(): Promise<void>;
}

/**
 * Starts a registry on a free port.
 *
 * @param manifest The package.json of the package
 * @param tarball Its packed file
 */
export async function startRegistry(
  manifest: { readonly name: string; readonly version: string },
  tarball: string,
): Promise<Registry> {
  const { name, version } = manifest;
  const bytes = readFileSync(tarball);
  const file = `/${name}/-/${name}-${version}.tgz`;
  const digest = (algorithm: string, form: 'hex' | 'base64') => createHash(algorithm).update(bytes).digest(form);
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://127.0.0.1');
    if (pathname === file) {
      response.setHeader('content-type', 'application/octet-stream').end(bytes);
      return;
    }
    if (pathname !== `/${name}`) {
      response.writeHead(307, { location: new URL(request.url!.slice(1), UPSTREAM).href }).end();
      return;
    }
    const dist = {
      tarball: `http://${request.headers.host}${file}`,
      shasum: digest('sha1', 'hex'),
      integrity: `sha512-${digest('sha512', 'base64')}`,
    };
    const document = { name, 'dist-tags': { latest: version }, versions: { [version]: { ...manifest, dist } } };
    response.setHeader('content-type', 'application/json').end(JSON.stringify(document));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
