// The page of what to ask a person: pictures that a model is not sure of, each with a choice of classes, and the answers as a CSV file.
// Not here: which pictures. Invariant: the same input gives the same bytes; the page fetches nothing and keeps answers to itself.
import { sha256 } from '../core/sha256.ts';
import { facts, type Markup, markup, renderPage, type Section } from './page.ts';
import { type GrayImage, pngDataUri } from './png.ts';

/** A picture to ask about. */
export interface ReviewedPicture {
  readonly name: string;
  /** What the model says, and how sure it is, 0 to 1. */
  readonly className: string;
  readonly confidence: number;
  /** Absent where the picture cannot be shown. */
  readonly image?: GrayImage | undefined;
}

/** Input of `renderReviewPage`. */
export interface ReviewPageInput {
  readonly classNames: readonly string[];
  /** Figures to begin with: name and value. */
  readonly facts: readonly (readonly [string, string])[];
  /** Pictures whose class is not sure, and those that may show none; `total` of each, of which some are shown. */
  readonly unsure: { readonly total: number; readonly pictures: readonly ReviewedPicture[] };
  readonly strange: { readonly total: number; readonly pictures: readonly ReviewedPicture[] };
  /** Files that were not read, and why. */
  readonly unread: {
    readonly total: number;
    readonly files: readonly { readonly name: string; readonly reason: string }[];
  };
}

/** The class of what shows none. */
const NONE = 'none of these';

/**
 * Renders the page.
 *
 * @param input What to ask
 * @returns One HTML document
 */
export async function renderReviewPage(input: ReviewPageInput): Promise<string> {
  const { classNames, unsure, strange, unread } = input;
  const sections: Section[] = [
    askSection('strange', 'Is it one of these at all?', strange, classNames),
    askSection('unsure', 'Which class is it?', unsure, classNames),
    {
      id: 'unread',
      title: 'Files that could not be read',
      body: [
        unread.total === 0
          ? markup`<p>None.</p>`
          : markup`<p>${shownOf(unread.files.length, unread.total)}</p><ul>${unread.files.map(
              ({ name, reason }) => markup`<li><code>${name}</code>: ${reason}</li>`,
            )}</ul>`,
      ],
    },
  ];
  const digest = await sha256(SCRIPT);
  const bytes = digest.match(/../g)!.map((pair) => String.fromCharCode(Number.parseInt(pair, 16)));
  return renderPage({
    title: 'What to ask a person',
    subtitle: `${unsure.total + strange.total} pictures to look at; choose, then save`,
    opening: [
      { html: `<style>${STYLE}</style>` },
      facts(input.facts),
      markup`<p><button type="button" id="save">Save answers as CSV</button> <output id="count"></output></p>`,
    ],
    sections,
    script: { text: SCRIPT, sha256: btoa(bytes.join('')) },
  });
}

const shownOf = (shown: number, total: number): string =>
  shown === total ? `${total} in all.` : `The first ${shown} of ${total}.`;

function askSection(
  id: string,
  title: string,
  { total, pictures }: ReviewPageInput['unsure'],
  classNames: readonly string[],
): Section {
  if (total === 0) return { id, title, body: [markup`<p>No picture.</p>`] };
  const cards = pictures.map((picture) => card(picture, classNames));
  return {
    id,
    title,
    body: [markup`<p>${shownOf(pictures.length, total)}</p>`, markup`<ul class="ask">${cards}</ul>`],
  };
}

function card({ name, className, confidence, image }: ReviewedPicture, classNames: readonly string[]): Markup {
  const options = [...classNames, NONE].map((each) => markup`<option value="${each}">${each}</option>`);
  const shown = image
    ? { html: `<img alt="" width="112" height="112" src="${pngDataUri(image)}">` }
    : markup`<p>not shown</p>`;
  return markup`<li>${shown}<b>${className}?</b> ${(100 * confidence).toFixed(0)}%<br><code>${name}</code><select data-name="${name}" aria-label="Class of ${name}"><option value="">not looked at</option>${options}</select></li>`;
}

const STYLE =
  'ul.ask{list-style:none;padding:0;display:grid;grid-template-columns:repeat(auto-fill,minmax(9rem,1fr));gap:1rem}' +
  'ul.ask li{background:var(--panel);border-radius:8px;padding:.75rem;font-size:.88rem}' +
  'ul.ask img{display:block;image-rendering:pixelated;margin-bottom:.4rem;background:#000}' +
  'ul.ask select{width:100%;margin-top:.4rem;font:inherit}button{font:inherit;padding:.4rem .9rem}';

/** Writes what was chosen, quoted as RFC 4180 has it, into a file that the browser saves. */
const SCRIPT = `
const chosen = () => [...document.querySelectorAll('select')].filter((each) => each.value !== '');
const quote = (text) => '"' + text.replaceAll('"', '""') + '"';
document.addEventListener('change', () => { document.getElementById('count').textContent = chosen().length + ' chosen'; });
document.getElementById('save').addEventListener('click', () => {
  const rows = chosen().map((each) => quote(each.dataset.name) + ',' + quote(each.value));
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob(['picture,class\\n' + rows.join('\\n') + '\\n'], { type: 'text/csv' }));
  link.download = 'answers.csv';
  link.click();
});
`;
