// The images of a request to classify, of any of the content types that are taken. Not here: classifying them (app.ts).
// Invariant: all images or an error; a batch may ask for no more decoding than one image may.
import { concatenate } from '../core/concatenate.ts';
import type { PixelBox } from '../data/ground.ts';
import { pictureFormatOf } from '../data/picture-format.ts';
import type { PictureReader } from '../data/picture-reader.ts';
import type { Preparation } from '../data/preparation.ts';
import { requireContrast } from '../edge/require-contrast.ts';
import { requestError } from './answer-error.ts';
import { readJsonImages } from './json-images.ts';
import { type FormPart, parseMultipart } from './multipart.ts';
import { readBody } from './request-body.ts';

/** What the images of a model are. */
export interface ImageForm {
  /** Height, width, channels. */
  readonly shape: readonly [height: number, width: number, channels: number];
  /** How a picture becomes one; undefined: as for Fashion-MNIST. */
  readonly preparation: Preparation | undefined;
}

export const bytesOfImage = ({ shape: [height, width, channels] }: ImageForm): number => height * width * channels;

export interface RequestLimits {
  /** Bytes of a body. */
  readonly maximumBodyBytes: number;
  readonly maximumImages: number;
  /** Pixels that the pictures of one request may have together, as PNG, JPEG or WebP. */
  readonly maximumPixels: number;
}

/** What a picture was found to show, before it became an image. */
export interface PictureDetails {
  /** Its file name in a form. */
  readonly file?: string;
  /** Of an object. */
  readonly ground?: 'light' | 'dark';
  readonly box: PixelBox;
}

export interface RequestImages {
  /** `[count, height, width, channels]` levels, light on dark. */
  readonly pixels: Uint8Array;
  /** One an image; undefined of those that came as pixels. */
  readonly details: readonly (PictureDetails | undefined)[];
}

interface Context extends RequestLimits {
  readonly form: ImageForm;
  /** Absent: PNG, JPEG and WebP are refused. */
  readonly readPicture: PictureReader | undefined;
}

type Reader = (bytes: Uint8Array, context: Context, contentType: string) => Promise<RequestImages>;

const readers: Readonly<Record<string, Reader>> = {
  'image/png': (bytes, context) => readPictures([{ bytes, name: 'the body' }], context),
  'image/jpeg': (bytes, context) => readPictures([{ bytes, name: 'the body' }], context),
  'image/webp': (bytes, context) => readPictures([{ bytes, name: 'the body' }], context),
  'application/octet-stream': async (bytes, context) =>
    isPicture(bytes, context) ? readPictures([{ bytes, name: 'the body' }], context) : raw(bytes, context, 'the body'),
  'application/json': async (bytes, { maximumImages, form }) =>
    asPixels(readJsonImages(bytes, maximumImages, form.shape), form),
  'multipart/form-data': readForm,
};
const pictureTypes: readonly string[] = ['image/png', 'image/jpeg', 'image/webp'];
const OCTETS = 'application/octet-stream';
/** Types of a body that is one picture's file. */
export const pictureBodyTypes: readonly string[] = [...pictureTypes, OCTETS];

/** Names that some clients have for the types that are taken. */
const aliases: Readonly<Record<string, string>> = {
  'image/jpg': 'image/jpeg',
  'image/pjpeg': 'image/jpeg',
  'image/x-png': 'image/png',
};
export const typeOf = (text: string): string => {
  const type = text.split(';')[0]!.trim().toLowerCase();
  return Object.hasOwn(aliases, type) ? aliases[type]! : type;
};

/** Whether bytes of no stated kind are a picture's file. What may be pixels by its length is a picture only if it can be read. */
function isPicture(bytes: Uint8Array, { form }: Context): boolean {
  const format = pictureFormatOf(bytes);
  if (format === undefined) return false;
  return bytes.length % bytesOfImage(form) !== 0 || pictureTypes.includes(`image/${format}`);
}

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
  const type = typeOf(contentType);
  const accepted = acceptedTypes(context.readPicture !== undefined);
  if (!accepted.includes(type)) {
    const got = type === '' ? 'none' : `"${type}"`;
    throw requestError(
      'request/content-type',
      `Cannot read the body: expected a content-type of ${accepted.join(', ')}, got ${got}`,
    );
  }
  const bytes = await readBody(request, context.maximumBodyBytes);
  if (type === OCTETS && isPicture(bytes, context)) requireCodecs('the body', OCTETS, context);
  return readers[type]!(bytes, context, contentType);
}

function raw(bytes: Uint8Array, { maximumImages, form }: Context, name: string): RequestImages {
  const size = bytesOfImage(form);
  const count = bytes.length / size;
  if (!Number.isInteger(count) || count === 0) {
    throw requestError(
      'request/length',
      `Cannot read ${name}: expected ${size} bytes an image, ${rowsOf(form)}, got ${bytes.length} bytes`,
    );
  }
  checkCount(count, maximumImages);
  return asPixels(bytes, form);
}

/** Such as `28 rows of 28`. */
export const rowsOf = ({ shape: [height, width, channels] }: ImageForm): string =>
  `${height} rows of ${width}${channels === 1 ? '' : ' times red, green and blue'}`;

function asPixels(pixels: Uint8Array, form: ImageForm): RequestImages {
  const size = bytesOfImage(form);
  requireContrast(pixels, size);
  return { pixels, details: new Array(pixels.length / size).fill(undefined) };
}

/** Makes sure that a picture of this type can be read. */
function requireCodecs(name: string, type: string, { readPicture }: Context): void {
  if (readPicture) return;
  throw requestError('request/content-type', `Cannot read ${name}: expected pixels, got a picture as "${type}"`);
}

export function checkCount(count: number, maximumImages: number): void {
  if (count <= maximumImages) return;
  throw requestError(
    'request/too-many-images',
    `Cannot take the images: expected at most ${maximumImages}, got ${count}`,
  );
}

/** A picture's file as it came. */
export interface PictureFile {
  readonly bytes: Uint8Array;
  /** For messages. */
  readonly name: string;
  /** Its file name in a form. */
  readonly file?: string;
}

/** A file that must be a picture's; of no stated kind, its bytes tell: pixels alone do not tell how many are in a row. */
export function requirePicture(file: PictureFile, type: string, taken: readonly string[]): PictureFile {
  const isOne = type === OCTETS ? pictureFormatOf(file.bytes) !== undefined : pictureTypes.includes(type);
  if (isOne) return file;
  throw notPicture(file.name, type === OCTETS ? 'other bytes' : `"${type}"`, taken);
}

export const notPicture = (name: string, got: string, taken: readonly string[]): Error =>
  requestError('request/content-type', `Cannot read ${name}: expected pictures as ${taken.join(', ')}, got ${got}`);

async function readPictures(pictures: readonly PictureFile[], context: Context): Promise<RequestImages> {
  checkCount(pictures.length, context.maximumImages);
  const { preparation } = context.form;
  const size = bytesOfImage(context.form);
  const pixels = new Uint8Array(pictures.length * size);
  const details: PictureDetails[] = [];
  let left = context.maximumPixels;
  for (const [i, { bytes, name, file }] of pictures.entries()) {
    const picture = await context.readPicture!(bytes, {
      name,
      maximumPixels: left,
      ...(preparation && { preparation }),
    });
    left -= picture.width * picture.height;
    pixels.set(picture.pixels, i * size);
    const { ground, box } = picture;
    details.push({ ...(file === undefined ? {} : { file }), ...(ground && { ground }), box });
  }
  return { pixels, details };
}

/** Every part of a form is a picture's file, or every part is pixels; the bytes tell which. */
async function readForm(bytes: Uint8Array, context: Context, contentType: string): Promise<RequestImages> {
  const files = formFiles(bytes, contentType);
  const pictures = files.filter(({ type, bytes: content }) => type !== OCTETS || isPicture(content, context));
  if (pictures.length === 0) {
    const all = files.map(({ bytes: content, file }) => raw(content, context, `"${file}"`));
    checkCount(
      all.reduce((sum, { details }) => sum + details.length, 0),
      context.maximumImages,
    );
    return asPixels(concatenate(all.map((image) => image.pixels)), context.form);
  }
  const wrong =
    pictures.find(({ type }) => context.readPicture === undefined || ![...pictureTypes, OCTETS].includes(type)) ??
    files.find((file) => !pictures.includes(file));
  if (wrong) {
    const accepted = acceptedTypes(context.readPicture !== undefined).filter((type) => /^image|octet/.test(type));
    throw requestError(
      'request/content-type',
      `Cannot read "${wrong.file}": expected files of one kind, ${accepted.join(', ')}, got "${wrong.type}"`,
    );
  }
  return readPictures(
    files.map(({ bytes: content, file }) => ({ bytes: content, name: file, file })),
    context,
  );
}

/** The parts that are files: those that have a file name, or a type of one. What has no type is bytes. */
export function formFiles(bytes: Uint8Array, contentType: string): (FormPart & { file: string; type: string })[] {
  const files = parseMultipart(bytes, contentType).map((part) => {
    const type = typeOf(part.type ?? OCTETS);
    if (part.file !== undefined) return { ...part, file: part.file, type };
    if (part.type !== undefined && [...pictureTypes, OCTETS].includes(type)) return { ...part, file: part.name, type };
    throw requestError('request/form', `Cannot read the form: expected files alone, got text in "${part.name}"`);
  });
  if (files.length === 0) throw requestError('request/form', 'Cannot read the form: expected a file, got none');
  return files;
}
