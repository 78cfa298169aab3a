// Pictures before they are read: where they are, what they show, which part they belong to. Not here: where such a list comes from
// (picture-folder.ts, picture-table.ts). Invariant: every label is below the number of class names.

/** What a picture is for. */
export type Part = 'train' | 'validation' | 'test';

export const parts: readonly Part[] = ['train', 'validation', 'test'];

const partsByName: Readonly<Record<string, Part>> = {
  train: 'train',
  training: 'train',
  val: 'validation',
  valid: 'validation',
  validation: 'validation',
  test: 'test',
  testing: 'test',
};

/** The part that a folder or a cell names; undefined for any other name. */
export function partOf(name: string): Part | undefined {
  const key = name.toLowerCase();
  return Object.hasOwn(partsByName, key) ? partsByName[key] : undefined;
}

/** A file that is said to be a picture. */
export interface ListedPicture {
  readonly path: string;
  /** As people know it: relative to where the list is from. */
  readonly name: string;
  readonly label: number;
  /** Absent where the data do not say. */
  readonly part?: Part;
  /** Why it cannot be a picture, where that is known without reading it. */
  readonly problem?: string;
}

export interface PictureList {
  readonly pictures: readonly ListedPicture[];
  readonly classNames: readonly string[];
  /** What the user should be told. */
  readonly notices: readonly string[];
}
