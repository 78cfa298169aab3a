// A user's module: writes a test image of the sample as picture.png.
import { writeFileSync } from 'node:fs';
import { loadFashionMnistSample } from 'selvedge/data';
import { encodeGrayPng } from 'selvedge/report';

const { test } = await loadFashionMnistSample();
writeFileSync('picture.png', encodeGrayPng({ pixels: test.images.subarray(0, 784), width: 28, height: 28 }));
