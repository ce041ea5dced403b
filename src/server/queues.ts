import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { HonoAdapter } from '@bull-board/hono';
import { Hono } from 'hono';
import { serveStatic } from 'hono/bun';
import type { JobQueue } from '../jobs/queue';

/** Its page loads its own scripts and styles only; fonts of other hosts are not asked for. */
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
  "font-src 'self'; connect-src 'self'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'";

/**
 * The operator's queue dashboard under `/queues`, as a fetch handler. Hono's adapter, since Elysia's answers 500 on the
 * statistics of BullMQ 6.
 */
export function queueDashboard({ queue }: JobQueue): (request: Request) => Promise<Response> {
  const adapter = new HonoAdapter(serveStatic);
  adapter.setBasePath('/queues');
  createBullBoard({
    queues: [new BullMQAdapter(queue, { description: 'One job for each variation in the queue' })],
    serverAdapter: adapter,
    options: { uiConfig: { boardTitle: 'Bakeoff' } },
  });
  const app = new Hono();
  app.route('/queues', adapter.registerPlugin());
  return async (request) => {
    const answer = await app.fetch(withoutSlash(request));
    const page = answer.headers.get('content-type')?.startsWith('text/html');
    const body = page ? withoutForeignFonts(await answer.text()) : answer.body;
    const headers = new Headers(answer.headers);
    headers.delete('content-length');
    headers.set('content-security-policy', policy);
    return new Response(body, { status: answer.status, headers });
  };
}

/** The dashboard knows itself under `/queues` only. */
function withoutSlash(request: Request): Request {
  const url = new URL(request.url);
  if (url.pathname !== '/queues/') return request;
  url.pathname = '/queues';
  return new Request(url, request);
}

function withoutForeignFonts(html: string): string {
  return html.replace(/<link[^>]+href="https?:\/\/[^"]*"[^>]*>/g, '');
}
