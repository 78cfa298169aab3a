// The images of a request to classify, of any of the content types that are taken. Not here: classifying them (app.ts).
// Invariant: all images or an error; a batch may ask for no more decoding than one image may.
import { concatenate } from '../core/concatenate.ts';
import type { PixelBox } from '../data/ground.ts';
import type { ImageDecoder } from '../data/image-decoder.ts';
import { prepareImage } from '../data/prepare-image.ts';
import { requestError } from './answer-error.ts';
import { readJsonImages } from './json-images.ts';
import { readBody } from './request-body.ts';

const PIXELS = 28 * 28;

export interface RequestLimits {
  /** Bytes of a body. */
  readonly maximumBodyBytes: number;
  readonly maximumImages: number;
  /** Pixels that the pictures of one request may have together, as PNG, JPEG or WebP. */
  readonly maximumPixels: number;
}

/** What a picture was found to show, before it became 28 x 28. */
export interface PictureDetails {
  /** Its file name in a form. */
  readonly file?: string;
  readonly ground: 'light' | 'dark';
  readonly box: PixelBox;
}

export interface RequestImages {
  /** `[count, 28, 28]` levels, light on dark. */
  readonly pixels: Uint8Array;
  /** One an image; undefined of those that came as pixels. */
  readonly details: readonly (PictureDetails | undefined)[];
}

interface Context extends RequestLimits {
  /** Absent: PNG, JPEG and WebP are refused. */
  readonly decodeImage: ImageDecoder | undefined;
}

type Reader = (bytes: Uint8Array, context: Context, contentType: string) => Promise<RequestImages>;

const readers: Readonly<Record<string, Reader>> = {
  'image/png': (bytes, context) => readPictures([{ bytes, name: 'the body' }], context),
  'image/jpeg': (bytes, context) => readPictures([{ bytes, name: 'the body' }], context),
  'image/webp': (bytes, context) => readPictures([{ bytes, name: 'the body' }], context),
  'application/octet-stream': async (bytes, context) => raw(bytes, context, 'the body'),
  'application/json': async (bytes, { maximumImages }) => {
    const pixels = readJsonImages(bytes, maximumImages);
    return { pixels, details: new Array(pixels.length / PIXELS).fill(undefined) };
  },
  'multipart/form-data': readForm,
};
const pictureTypes: readonly string[] = ['image/png', 'image/jpeg', 'image/webp'];

/** Content types that are taken, with or without codecs. */
export function acceptedTypes(hasCodecs: boolean): string[] {
  return Object.keys(readers).filter((type) => hasCodecs || !pictureTypes.includes(type));
}

/**
 * Reads the images of a request.
 *
 * @throws SelvedgeError `request/…` or `image/…`, all of them with a status in `errorStatuses`
 */
export async function readRequestImages(request: Request, context: Context): Promise<RequestImages> {
  const contentType = request.headers.get('content-type') ?? '';
  const type = contentType.split(';')[0]!.trim().toLowerCase();
  const accepted = acceptedTypes(context.decodeImage !== undefined);
  if (!accepted.includes(type)) {
    const got = type === '' ? 'none' : `"${type}"`;
    throw requestError(
      'request/content-type',
      `Cannot read the body: expected a content-type of ${accepted.join(', ')}, got ${got}`,
    );
  }
  return readers[type]!(await readBody(request, context.maximumBodyBytes), context, contentType);
}

function raw(bytes: Uint8Array, { maximumImages }: RequestLimits, name: string): RequestImages {
  const count = bytes.length / PIXELS;
  if (!Number.isInteger(count) || count === 0) {
    throw requestError(
      'request/length',
      `Cannot read ${name}: expected ${PIXELS} bytes an image, 28 rows of 28, got ${bytes.length} bytes`,
    );
  }
  checkCount(count, maximumImages);
  return { pixels: bytes, details: new Array(count).fill(undefined) };
}

function checkCount(count: number, maximumImages: number): void {
  if (count <= maximumImages) return;
  throw requestError(
    'request/too-many-images',
    `Cannot take the images: expected at most ${maximumImages}, got ${count}`,
  );
}

interface Picture {
  readonly bytes: Uint8Array;
  readonly name: string;
  readonly file?: string;
}

async function readPictures(pictures: readonly Picture[], context: Context): Promise<RequestImages> {
  checkCount(pictures.length, context.maximumImages);
  const pixels = new Uint8Array(pictures.length * PIXELS);
  const details: PictureDetails[] = [];
  let left = context.maximumPixels;
  for (const [i, { bytes, name, file }] of pictures.entries()) {
    const image = await context.decodeImage!(bytes, { name, maximumPixels: left });
    left -= image.width * image.height;
    const prepared = prepareImage(image, { name });
    pixels.set(prepared.pixels, i * PIXELS);
    details.push({ ...(file === undefined ? {} : { file }), ground: prepared.ground, box: prepared.box });
  }
  return { pixels, details };
}

/** Every part of a form is a picture's file, or every part is pixels. */
async function readForm(bytes: Uint8Array, context: Context, contentType: string): Promise<RequestImages> {
  const files = await formFiles(bytes, contentType);
  const isPixels = ({ type }: File): boolean => type === 'application/octet-stream';
  const contents = await Promise.all(files.map(async (file) => new Uint8Array(await file.arrayBuffer())));
  if (files.every(isPixels)) {
    const all = contents.map((content, i) => raw(content, context, `"${files[i]!.name}"`));
    checkCount(
      all.reduce((sum, { details }) => sum + details.length, 0),
      context.maximumImages,
    );
    const pixels = concatenate(all.map((image) => image.pixels));
    return { pixels, details: all.flatMap(({ details }) => details) };
  }
  const wrong = files.find(({ type }) => context.decodeImage === undefined || !pictureTypes.includes(type));
  if (wrong) {
    const accepted = acceptedTypes(context.decodeImage !== undefined).filter((type) => /^image|octet/.test(type));
    throw requestError(
      'request/content-type',
      `Cannot read "${wrong.name}": expected files of one kind, ${accepted.join(', ')}, got "${wrong.type}"`,
    );
  }
  return readPictures(
    contents.map((content, i) => ({ bytes: content, name: files[i]!.name, file: files[i]!.name })),
    context,
  );
}

async function formFiles(bytes: Uint8Array, contentType: string): Promise<File[]> {
  let form: FormData;
  try {
    form = await new Response(bytes as BodyInit, { headers: { 'content-type': contentType } }).formData();
  } catch (cause) {
    const expected = 'expected multipart/form-data with the boundary that its content type names';
    throw requestError('request/form', `Cannot read the body as a form: ${expected}`, cause);
  }
  const files: File[] = [];
  form.forEach((value, field) => {
    if (typeof value === 'string') {
      throw requestError('request/form', `Cannot read the form: expected files alone, got text in "${field}"`);
    }
    files.push(value);
  });
  if (files.length === 0) throw requestError('request/form', 'Cannot read the form: expected a file, got none');
  return files;
}
