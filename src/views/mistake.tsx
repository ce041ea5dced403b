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
