// What must be true of the parts of a data set before anything is trained: every class in each of them, no image in two.
// Not here: what single files are (read-pictures.ts). Invariant: the first epoch never starts on data that would make its figures wrong.
import { SelvedgeError } from '../core/errors.ts';
import { quoted } from './class-names.ts';
import { listed } from './listed.ts';
import { type Part, parts } from './picture-list.ts';

/** Labelled images and where each of them goes, all in one order. */
export interface PartedImages {
  /** For messages: where the data are from. */
  readonly place: string;
  readonly classNames: readonly string[];
  readonly labels: ArrayLike<number>;
  /** Equal images have equal numbers: `firstEqualImages`. */
  readonly groups: ArrayLike<number>;
  partOf(index: number): Part;
  /** The image as people know it. */
  nameOf(index: number): string;
}

/**
 * Refuses parts that lack a class.
 *
 * @throws SelvedgeError `data/missing-class`, with all that is missing
 */
export function requireAllClasses({ place, classNames, labels, partOf }: PartedImages): void {
  const counts = classNames.map(() => ({ train: 0, validation: 0, test: 0 }));
  for (let i = 0; i < labels.length; i++) counts[labels[i]!]![partOf(i)]++;
  const missing = classNames.flatMap((name, label) => {
    const without = parts.filter((part) => counts[label]![part] === 0);
    return without.length === 0 ? [] : [{ name, without, count: counts[label]! }];
  });
  if (missing.length === 0) return;
  const show = ({ name, without, count }: (typeof missing)[number]): string =>
    `"${name}" in ${without.join(' and ')} (of it ${parts.map((part) => `${count[part]} ${part}`).join(', ')})`;
  throw new SelvedgeError(
    'data/missing-class',
    `Cannot use ${place}: expected images of every class to train, to validate and to test, all different, got none of ${listed(missing, show)}`,
  );
}

/**
 * Refuses images that are in more than one part: what was trained on tests nothing.
 *
 * @throws SelvedgeError `data/duplicates`, with the images
 */
export function requireDisjointParts(images: PartedImages): void {
  const pairs = duplicatesAcross(images);
  if (pairs.length === 0) return;
  const { place, nameOf, partOf } = images;
  const show = ([a, b]: readonly [number, number]): string =>
    `"${nameOf(a)}" (${partOf(a)}) and "${nameOf(b)}" (${partOf(b)})`;
  throw new SelvedgeError(
    'data/duplicates',
    `Cannot use ${place}: expected every image in one part, got ${pairs.length} equal to one of another part: ` +
      `${listed(pairs, show)}; remove them, or take them so by --keep-duplicates`,
  );
}

/** Images that are equal to one of a part before theirs, each with the first such. */
function duplicatesAcross({ groups, partOf }: PartedImages): [number, number][] {
  const firsts = new Map<number, Map<Part, number>>();
  const pairs: [number, number][] = [];
  for (let i = 0; i < groups.length; i++) {
    const known = firsts.get(groups[i]!) ?? new Map<Part, number>();
    const other = [...known].find(([part]) => part !== partOf(i));
    if (other) pairs.push([other[1], i]);
    if (!known.has(partOf(i))) known.set(partOf(i), i);
    firsts.set(groups[i]!, known);
  }
  return pairs;
}

/** What to tell of equal images of different classes, if there are any: nobody can learn both. */
export function contradictionNotices({ groups, labels, classNames, nameOf }: PartedImages): string[] {
  const first = new Map<number, number>();
  const pairs: [number, number][] = [];
  for (let i = 0; i < groups.length; i++) {
    const before = first.get(groups[i]!);
    if (before === undefined) first.set(groups[i]!, i);
    else if (labels[before] !== labels[i]) pairs.push([before, i]);
  }
  if (pairs.length === 0) return [];
  const nameAndClass = (i: number): string => `${quoted(nameOf(i))} (${classNames[labels[i]!]})`;
  return [
    `${pairs.length} images are equal to one of another class: ${listed(pairs, ([a, b]) => `${nameAndClass(a)} and ${nameAndClass(b)}`)}`,
  ];
}
