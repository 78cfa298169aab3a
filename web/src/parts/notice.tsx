// A message that stands in the page: of something to know, or of something that failed.
import type { ComponentChildren } from 'preact';

interface Props {
  readonly kind: 'note' | 'error';
  readonly children: ComponentChildren;
}

export function Notice({ kind, children }: Props) {
  return (
    <div class={`notice ${kind}`} role={kind === 'error' ? 'alert' : 'note'}>
      {children}
    </div>
  );
}
