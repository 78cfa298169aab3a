// The HTML report of a run, shown in a frame of its own and offered as a file.
// The page's policy allows no inline style, and a frame without an address has the same policy: so the report's style sheet is
// given to the frame by the object model, which the policy leaves to scripts of the page. The report holds no script.
import { useEffect, useRef } from 'preact/hooks';
import { saveFile } from './save-file.ts';

interface Props {
  readonly title: string;
  readonly file: File;
  readonly html: string;
}

const STYLE = /<style>([\s\S]*?)<\/style>/g;

/** Puts the report into an empty frame. */
function show(frame: HTMLIFrameElement, html: string): void {
  const inner = frame.contentDocument!;
  // A style sheet belongs to the document that its constructor is of.
  const { CSSStyleSheet } = frame.contentWindow as Window & typeof globalThis;
  // Taken out of the text: the policy holds for what is parsed, too.
  inner.adoptedStyleSheets = [...html.matchAll(STYLE)].map(([, rules]) => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(rules!);
    return sheet;
  });
  const parsed = new DOMParser().parseFromString(html.replaceAll(STYLE, ''), 'text/html');
  // It repeats the policy of a file that stands alone.
  for (const meta of parsed.querySelectorAll('meta[http-equiv]')) meta.remove();
  inner.documentElement.lang = parsed.documentElement.lang;
  inner.head.replaceChildren(...parsed.head.childNodes);
  inner.body.replaceChildren(...parsed.body.childNodes);
  // A link within it would have the frame load the page itself, whose address it shares.
  inner.addEventListener('click', (event) => {
    const link = (event.target as Element).closest('a[href^="#"]');
    if (!link) return;
    event.preventDefault();
    inner.getElementById(link.getAttribute('href')!.slice(1))?.scrollIntoView();
  });
}

export function Report({ title, file, html }: Props) {
  const frame = useRef<HTMLIFrameElement>(null);
  useEffect(() => {
    show(frame.current!, html);
  }, [html]);
  const download = (): void => saveFile(new Blob([file], { type: 'text/html' }), 'selvedge-report.html');
  return (
    <section class="report" aria-label={title}>
      <div class="row apart">
        <h2>{title}</h2>
        <button type="button" onClick={download}>
          Save as a file
        </button>
      </div>
      <iframe key={html} ref={frame} title={title} />
    </section>
  );
}
