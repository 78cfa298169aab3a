// Pictures of any kind as images of the data set's kind, and what the models that ship say of them.
// Not here: models that were trained here (trained-models.ts). Invariant: needs no tfjs, so the first answer comes at once.

import bestAddress from 'selvedge/assets/models/best/best.selvedge?url';
import smallAddress from 'selvedge/assets/models/dropout/dropout.selvedge?url';
import kernelsAddress from 'selvedge/build/edge.wasm?url';
import { decodeImage, type PreparedImage, prepareImage, type RawImage } from 'selvedge/data';
import { type Classifier, createClassifier } from 'selvedge/edge';
import type { Picture, ShippedModel } from './protocol.ts';

const addresses: Readonly<Record<ShippedModel, string>> = { best: bestAddress, small: smallAddress };
const opened = new Map<ShippedModel, Promise<Classifier>>();

async function fetchBytes(address: string): Promise<ArrayBuffer> {
  const response = await fetch(new URL(address, import.meta.url));
  if (!response.ok) throw new Error(`Cannot fetch ${address}: the server answered ${response.status}`);
  return response.arrayBuffer();
}

/** The file of a model that ships. */
export const shippedFile = (name: ShippedModel): Promise<ArrayBuffer> => fetchBytes(addresses[name]);

/** A network of the package, ready. */
export async function openNetwork(address: string): Promise<Classifier> {
  const [model, kernels] = await Promise.all([fetchBytes(address), fetchBytes(kernelsAddress)]);
  return createClassifier({ model, kernels: await WebAssembly.compile(kernels) });
}

/** A model that ships; one that could not be fetched is tried again. */
export function shippedClassifier(name: ShippedModel): Promise<Classifier> {
  const classifier =
    opened.get(name) ??
    openNetwork(addresses[name]).catch((error: unknown) => {
      opened.delete(name);
      throw error;
    });
  opened.set(name, classifier);
  return classifier;
}

/** What this browser itself can decode: AVIF, GIF, moving WebP, and on some HEIC. */
async function decodeByBrowser(blob: Blob): Promise<RawImage> {
  const bitmap = await createImageBitmap(blob);
  try {
    const { width, height } = bitmap;
    const context = new OffscreenCanvas(width, height).getContext('2d')!;
    context.drawImage(bitmap, 0, 0);
    return { width, height, data: context.getImageData(0, 0, width, height).data };
  } finally {
    bitmap.close();
  }
}

/** The pixels of a file, by our codecs or the browser's. */
export async function decodeFile(blob: Blob, name: string): Promise<RawImage> {
  try {
    return await decodeImage(new Uint8Array(await blob.arrayBuffer()), { name });
  } catch (error) {
    if ((error as { code?: string }).code !== 'image/unknown-format') throw error;
    // Ours are PNG, JPEG and WebP, the same to the bit everywhere.
    return decodeByBrowser(blob).catch(() => {
      throw new Error(`Cannot read "${name}": it is no picture that this browser knows`);
    });
  }
}

/** A picture in the form of the data set. */
export async function preparePicture(
  picture: Picture,
): Promise<Pick<PreparedImage, 'pixels'> & Partial<PreparedImage>> {
  if (picture.kind === 'example') return { pixels: picture.pixels };
  return prepareImage(picture.kind === 'pixels' ? picture : await decodeFile(picture.blob, picture.name), picture);
}
