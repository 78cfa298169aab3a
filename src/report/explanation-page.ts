// The page of `selvedge explain`: what a model says of pictures, the maps over them, and how far each map can be trusted.
// Not here: drawing (explanation-figure.ts). Invariant: the same input gives the same bytes.
import { type ExplainedImage, explanationGrid } from './explanation-figure.ts';
import { type Markup, markup, renderPage, type Section, table } from './page.ts';
import { type Figure, frame } from './svg.ts';

/** What one method says of a picture. */
export interface ReportExplanation {
  readonly method: string;
  /** Area under the deletion curve, and that of the order at random. */
  readonly deletionArea: number;
  readonly insertionArea: number;
  /** Of integrated gradients: how far the map is from adding up, and what it should add up to. */
  readonly completeness?: { readonly error: number; readonly difference: number };
}

/** A picture that was explained. */
export interface ReportExplainedImage extends ExplainedImage {
  readonly file: string;
  readonly predictedName: string;
  /** Of the predicted class, 0 to 1. */
  readonly probability: number;
  readonly explainedName: string;
  readonly explainedProbability: number;
  readonly explanations: readonly ReportExplanation[];
  /** Areas of the places in an order that knows nothing. */
  readonly random: { readonly deletionArea: number; readonly insertionArea: number };
}

/** Input of `renderExplanationPage`. */
export interface ExplanationPageInput {
  readonly model: string;
  readonly images: readonly ReportExplainedImage[];
}

const LEGEND = 'Orange to yellow speaks for the class, blue to cyan against it, the brighter the more';

/** One figure of all pictures and methods. */
export function explanationFigure({ model, images }: ExplanationPageInput): Figure {
  const methods = images[0]!.explanations.map(({ method }) => method);
  const said = images.map(({ file, explainedName }) => `${file}: ${explainedName}`).join(', ');
  return frame(explanationGrid(images, { methods }), {
    name: 'explanation',
    title: `What “${model}” looks at: ${methods.join(', ')}`,
    description: `${said}. ${LEGEND}`,
  });
}

/** The whole as one HTML document that fetches nothing and holds no script. */
export function renderExplanationPage(input: ExplanationPageInput): string {
  const { model, images } = input;
  return renderPage({
    title: `What “${model}” looks at`,
    subtitle: images.map(({ file }) => file).join(', '),
    opening: [
      markup`<figure class="dense"><div class="panels"><div tabindex="0">${{ html: explanationFigure(input).svg }}</div></div><figcaption>${LEGEND}.</figcaption></figure>`,
    ],
    sections: images.map(imageSection),
  });
}

function imageSection(image: ReportExplainedImage, index: number): Section {
  const { file, predictedName, probability, explainedName, explainedProbability, explanations, random } = image;
  const percent = (share: number): string => `${(100 * share).toFixed(1)}%`;
  const isOther = predictedName !== explainedName;
  const rows = [
    ...explanations.map(({ method, deletionArea, insertionArea }) => [
      method,
      deletionArea.toFixed(3),
      insertionArea.toFixed(3),
    ]),
    ['places at random', random.deletionArea.toFixed(3), random.insertionArea.toFixed(3)],
  ];
  const columns = [
    { title: 'Order of places' },
    { title: 'Deletion, area (small is good)', numeric: true },
    { title: 'Insertion, area (large is good)', numeric: true },
  ];
  return {
    id: `picture-${index + 1}`,
    title: file,
    body: [
      markup`<p>${predictedName}, ${percent(probability)}.${isOther ? ` Explained is ${explainedName}, ${percent(explainedProbability)}.` : ''}</p>`,
      table(`Probability of ${explainedName} while places turn black, or come back`, columns, rows),
      ...explanations.flatMap(additionOf),
    ],
  };
}

const additionOf = ({ method, completeness }: ReportExplanation): Markup[] =>
  completeness
    ? [
        markup`<p>The map of ${method} should add up to ${completeness.difference.toFixed(3)}, the score of the picture less that of a black one; it is off by ${completeness.error.toFixed(3)}.</p>`,
      ]
    : [];
