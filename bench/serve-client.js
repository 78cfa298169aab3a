// The client of `selvedge bench serve`, in a process of its own: reads a line of JSON, `{url, requests, together}`, sends so many pictures of the
// folder that its argument names, so many at a time, and answers with what each took. Plain JavaScript, and HTTP by hand, so that it takes
// little of the processors that it shares with the server. Invariant: every answer is whole and 200, and the same for the same picture.
import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { createInterface } from 'node:readline';

const folder = process.argv[2] ?? '';
const pictures = readdirSync(folder)
  .sort()
  .map((name) => {
    const body = readFileSync(path.join(folder, name));
    const head = `POST /classify HTTP/1.1\r\nhost: bench\r\ncontent-type: image/png\r\ncontent-length: ${body.length}\r\n\r\n`;
    return Buffer.concat([Buffer.from(head), body]);
  });

/**
 * The body of an answer, undefined until it is whole.
 *
 * @param {string} text
 */
function bodyOf(text) {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const length = /\r\ncontent-length: *(\d+)/i.exec(text.slice(0, end))?.[1];
  if (!text.startsWith('HTTP/1.1 200') || length === undefined) throw new Error(`Cannot measure: got ${text}`);
  const body = text.slice(end + 4);
  return body.length < Number(length) ? undefined : body;
}

/** @param {{ url: string, requests: number, together: number }} task */
async function run({ url, requests, together }) {
  const { hostname, port } = new URL(url);
  /** @type {number[]} */
  const latenciesMs = [];
  /** @type {string[]} */
  const answers = [];
  let next = 0;
  const connection = () =>
    new Promise((resolve, reject) => {
      const socket = connect(Number(port), hostname);
      socket.setNoDelay(true).setEncoding('latin1');
      let [picture, sent, got] = [0, 0, ''];
      const send = () => {
        if (next === requests) {
          resolve(undefined);
          socket.end();
          return;
        }
        picture = next++ % pictures.length;
        got = '';
        sent = performance.now();
        socket.write(/** @type {Buffer} */ (pictures[picture]));
      };
      socket.on('connect', send);
      socket.on('error', reject);
      socket.on('close', () => reject(new Error('Cannot measure: the server hung up')));
      socket.on('data', (part) => {
        got += part;
        try {
          const body = bodyOf(got);
          if (body === undefined) return;
          latenciesMs.push(performance.now() - sent);
          answers[picture] ??= body;
          if (answers[picture] !== body) throw new Error(`Cannot measure: two answers to picture ${picture}`);
          send();
        } catch (error) {
          reject(error);
          socket.destroy();
        }
      });
    });
  const before = process.cpuUsage();
  const start = performance.now();
  await Promise.all(Array.from({ length: together }, connection));
  const elapsedMs = performance.now() - start;
  const { user, system } = process.cpuUsage(before);
  return { elapsedMs, latenciesMs, answers, processorMs: (user + system) / 1000 };
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await run(JSON.parse(line))));
}
