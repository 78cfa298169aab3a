// The page of the styles of a class: their names, shares and nearest pictures. Not here: telling styles. Invariant: the same input gives the
// same bytes; no script, nothing fetched.
import { markup, renderPage } from './page.ts';
import { type GrayImage, pngDataUri } from './png.ts';

/** Input of `renderStylesPage`. */
export interface StylesPageInput {
  readonly className: string;
  /** How far halves of the pictures agree on the styles, 0 to 1. */
  readonly stability: number;
  readonly styles: readonly {
    readonly name: string;
    readonly share: number;
    readonly pictures: number;
    readonly images: readonly GrayImage[];
  }[];
}

/** Renders the page. */
export function renderStylesPage({ className, stability, styles }: StylesPageInput): string {
  return renderPage({
    title: `Styles of ${className}`,
    subtitle: `${styles.length} styles; halves of the pictures agree on them by ${stability.toFixed(2)} of 1`,
    opening: [],
    sections: styles.map(({ name, share, pictures, images }, i) => ({
      id: `style-${i + 1}`,
      title: name,
      body: [
        markup`<p>${(100 * share).toFixed(1)}% of the class, ${pictures} pictures; the nearest to the middle:</p>`,
        {
          html: `<p>${images.map((image) => `<img alt="" width="84" height="84" style="image-rendering:pixelated" src="${pngDataUri(image)}">`).join(' ')}</p>`,
        },
      ],
    })),
  });
}
