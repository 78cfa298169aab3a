// A button that opens the choice of one picture, or of several. Not here: what becomes of it; dropping is the matter of drop-zone.tsx.
// Invariant: the same file may be chosen twice in a row.
interface FileButtonProps {
  readonly label: string;
  readonly id?: string;
  /** Opens the camera, where there is one. */
  readonly isCamera?: boolean;
  /** Told of the first of those chosen. */
  readonly onFile?: (file: File) => void;
  /** In its place: told of all, of which there may be several. */
  readonly onFiles?: (files: readonly File[]) => void;
}

export function FileButton({ label, id, isCamera = false, onFile, onFiles }: FileButtonProps) {
  return (
    <label class="button">
      {label}
      <input
        {...(id === undefined ? {} : { id })}
        {...(isCamera ? { capture: 'environment' } : {})}
        type="file"
        accept="image/*"
        multiple={onFiles !== undefined}
        class="unseen"
        onChange={(event) => {
          const files = [...(event.currentTarget.files ?? [])];
          if (files[0]) onFile?.(files[0]);
          if (files.length > 0) onFiles?.(files);
          event.currentTarget.value = '';
        }}
      />
    </label>
  );
}
