// A place that files may be dropped on, and what stands in it. Not here: what becomes of them. By keys the same is done by an input inside.
import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';

interface DropZoneProps {
  readonly onFiles: (files: FileList | undefined) => void;
  readonly children: ComponentChildren;
}

export function DropZone({ onFiles, children }: DropZoneProps) {
  const isOver = useSignal(false);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: files may be dropped here; by keys the same is done by the inputs inside
    <div
      class={isOver.value ? 'drop over' : 'drop'}
      onDragOver={(event) => {
        event.preventDefault();
        isOver.value = true;
      }}
      onDragLeave={() => {
        isOver.value = false;
      }}
      onDrop={(event) => {
        event.preventDefault();
        isOver.value = false;
        onFiles(event.dataTransfer?.files);
      }}
    >
      {children}
    </div>
  );
}
