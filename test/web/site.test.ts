// What the page says more than once: its policy and its headers. What it does is tested in browsers, by web/test/.
import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { contentSecurityPolicy, pageHeaders } from '../../web/site/headers.ts';

test("index.html has the policy of the page's headers", () => {
  const html = readFileSync(new URL('../../web/index.html', import.meta.url), 'utf8');
  const policy = /http-equiv="Content-Security-Policy"\s+content="([^"]*)"/.exec(html)?.[1];
  assert.is(policy, contentSecurityPolicy);
  assert.is(pageHeaders['Content-Security-Policy'], contentSecurityPolicy);
});

test('web/README.md tells hosts the headers that the page wants', () => {
  const text = readFileSync(new URL('../../web/README.md', import.meta.url), 'utf8');
  for (const [name, value] of Object.entries(pageHeaders)) assert.ok(text.includes(`${name}: ${value}`), name);
});

test.run();
