// A button that opens the choice of one picture. Not here: what becomes of it; dropping is the matter of drop-zone.tsx.
// Invariant: the same file may be chosen twice in a row.
interface FileButtonProps {
  readonly label: string;
  readonly id?: string;
  /** Opens the camera, where there is one. */
  readonly isCamera?: boolean;
  readonly onFile: (file: File) => void;
}

export function FileButton({ label, id, isCamera = false, onFile }: FileButtonProps) {
  return (
    <label class="button">
      {label}
      <input
        {...(id === undefined ? {} : { id })}
        {...(isCamera ? { capture: 'environment' } : {})}
        type="file"
        accept="image/*"
        class="unseen"
        onChange={(event) => {
          const file = event.currentTarget.files?.[0];
          if (file) onFile(file);
          event.currentTarget.value = '';
        }}
      />
    </label>
  );
}
