import { LevelMark } from './marks';

/** What is wrong with a field, below it; the field is marked `aria-invalid` and described by `id`. */
export function Mistake({ id, message }: { id: string; message: string }) {
  return (
    <p class="error" id={id}>
      <LevelMark l="bad" />
      <span safe>{message}</span>
    </p>
  );
}

/** What is wrong with a form, and with no single field of it: said above its fields. */
export function FormMistake({ error }: { error: { field: unknown; message: string } | null | undefined }) {
  if (!error || error.field !== null) return '';
  return (
    <div class="notice" data-l="bad" role="alert">
      <LevelMark l="bad" />
      <span safe>{error.message}</span>
    </div>
  );
}

/** Attributes of a field that is wrong, whose `Mistake` has the id; none where it is not. */
export function wrongField(bad: boolean, id: string) {
  return bad ? { 'aria-invalid': 'true' as const, 'aria-describedby': id } : {};
}
