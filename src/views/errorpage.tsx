import { Layout } from './layout';
import type { Shell } from './shell';

/** A page that says what is wrong, and what to do. Tells a stranger nothing about the service. */
export function ErrorPage({ shell, status, message }: { shell: Shell; status: number; message: string }) {
  const stranger = status === 401 || status === 403;
  return (
    <Layout shell={shell} title={stranger ? 'Not signed in' : headings(status)} signedIn={!stranger}>
      <section class="panel empty">
        <h1 class="small-title" safe>
          {headings(status)}
        </h1>
        {stranger ? (
          <p>
            Open the link that the service printed when it started: it signs this browser in. On its machine,{' '}
            <code>./bakeoff up</code> prints it again.
          </p>
        ) : (
          <p safe>{message}</p>
        )}
        {stranger ? (
          ''
        ) : (
          <div class="btns">
            <a class="btn" href="/">
              All runs
            </a>
          </div>
        )}
      </section>
    </Layout>
  );
}

function headings(status: number): string {
  if (status === 401 || status === 403) return 'This browser is not signed in';
  if (status === 404) return 'There is nothing here';
  if (status === 409) return 'That is not possible now';
  return status >= 500 ? 'A mistake of ours' : 'That did not work';
}
