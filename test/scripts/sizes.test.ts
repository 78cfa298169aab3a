import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Download, packageSizes, pageSize, pages } from '../../scripts/sizes.ts';

function isWithinLimit({ who, gzipBytes, limit }: Download): void {
  assert.ok(gzipBytes <= limit, `${who}: ${gzipBytes} of ${limit} bytes`);
  // What is missing would weigh nothing.
  assert.ok(gzipBytes > limit / 2, `${who}: ${gzipBytes} bytes can hardly be all of it; the limit is ${limit}`);
}

test('packageSizes() finds the package, and what is installed with it, within their limits', () => {
  for (const download of packageSizes()) isWithinLimit(download);
});

for (const page of pages) {
  test(`pageSize() finds a ${page.who} within its limit`, async () => {
    isWithinLimit(await pageSize(page));
  });
}

test.run();
