// The HTML report of a run, shown in a frame of its own and offered as a file.
// The page's policy allows no inline style, and a frame without an address has the same policy: so the report's style sheet is
// given to the frame by the object model, which the policy leaves to scripts of the page. The report holds no script.
import { useEffect, useRef } from 'preact/hooks';

interface Props {
  readonly title: string;
  readonly file: File;
  readonly html: string;
}

function show(frame: HTMLIFrameElement, html: string): () => void {
  const inner = frame.contentDocument!;
  // A style sheet belongs to the document that its constructor is of.
  const { CSSStyleSheet } = frame.contentWindow as Window & typeof globalThis;
  const parsed = new DOMParser().parseFromString(html, 'text/html');
  const sheets = [...parsed.querySelectorAll('style')].map((style) => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(style.textContent ?? '');
    style.remove();
    return sheet;
  });
  // It repeats the policy of a file that stands alone.
  for (const meta of parsed.querySelectorAll('meta[http-equiv]')) meta.remove();
  inner.documentElement.lang = parsed.documentElement.lang;
  inner.head.replaceChildren(...parsed.head.childNodes);
  inner.body.replaceChildren(...parsed.body.childNodes);
  inner.adoptedStyleSheets = sheets;
  const fit = (): void => {
    frame.style.height = `${inner.documentElement.scrollHeight}px`;
  };
  // The links of its contents lead to places in it, which the page has to scroll to.
  const onClick = (event: Event): void => {
    const link = (event.target as Element).closest('a[href^="#"]');
    if (!link) return;
    event.preventDefault();
    inner.getElementById(link.getAttribute('href')!.slice(1))?.scrollIntoView();
  };
  inner.addEventListener('click', onClick);
  const observer = new ResizeObserver(fit);
  observer.observe(inner.body);
  fit();
  return () => observer.disconnect();
}

export function Report({ title, file, html }: Props) {
  const frame = useRef<HTMLIFrameElement>(null);
  useEffect(() => show(frame.current!, html), [html]);
  const download = (): void => {
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([file], { type: 'text/html' }));
    link.download = 'selvedge-report.html';
    link.click();
    URL.revokeObjectURL(link.href);
  };
  return (
    <section class="report" aria-label={title}>
      <div class="row apart">
        <h2>{title}</h2>
        <button type="button" onClick={download}>
          Save as a file
        </button>
      </div>
      <iframe ref={frame} title={title} />
    </section>
  );
}
