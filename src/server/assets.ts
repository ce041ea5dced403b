import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { Elysia } from 'elysia';
import type { AssetPaths } from '../views/shell';

const files = {
  css: { name: 'bakeoff.css', type: 'text/css; charset=utf-8', from: '../views/static/bakeoff.css' },
  keys: { name: 'keys.js', type: 'text/javascript; charset=utf-8', from: '../views/static/keys.js' },
  htmx: { name: 'htmx.js', type: 'text/javascript; charset=utf-8', from: 'htmx.org/dist/htmx.min.js' },
  sse: { name: 'hx-sse.js', type: 'text/javascript; charset=utf-8', from: 'htmx.org/dist/ext/hx-sse.min.js' },
} as const;

type Encoding = 'br' | 'gzip' | 'identity';

interface Asset {
  type: string;
  hash: string;
  content: Buffer;
  /** Made when first asked for, then kept. */
  compressed: Partial<Record<Encoding, Uint8Array<ArrayBuffer>>>;
}

let loaded: { byName: Map<string, Asset>; paths: AssetPaths } | null = null;

/** Addresses of the served files, each with its content's hash, so that a changed file has another address. */
export function assetPaths(): AssetPaths {
  return load().paths;
}

/** Serves the few files that pages need, to be kept for a year; they hold no secret and are open to everyone. */
export function assetRoutes() {
  return new Elysia({ name: 'assets' }).get(
    '/assets/:name',
    ({ params, request }) => {
      const asset = load().byName.get(params.name);
      if (!asset) return new Response('There is no such file.\n', { status: 404 });
      const stated = new URL(request.url).searchParams.get('v') === asset.hash;
      const headers: Record<string, string> = {
        'content-type': asset.type,
        'cache-control': stated ? 'public, max-age=31536000, immutable' : 'public, max-age=60',
        etag: `"${asset.hash}"`,
        vary: 'accept-encoding',
        'x-content-type-options': 'nosniff',
      };
      if (request.headers.get('if-none-match') === headers.etag)
        return new Response(null, { status: 304, headers });
      const encoding = encodingOf(request);
      if (encoding !== 'identity') headers['content-encoding'] = encoding;
      return new Response(bodyOf(asset, encoding), { headers });
    },
    { detail: { hide: true } },
  );
}

function load() {
  if (loaded) return loaded;
  const byName = new Map<string, Asset>();
  const paths: AssetPaths = { css: '', htmx: '', sse: '', keys: '' };
  for (const key of Object.keys(files) as (keyof typeof files)[]) {
    const { name, type, from } = files[key];
    const url = from.startsWith('.') ? new URL(from, import.meta.url) : new URL(import.meta.resolve(from));
    // The last line of a minified file may name a source map, which is not served.
    const text = readFileSync(url, 'utf8').replace(/\n?\/\/# sourceMappingURL=\S+\s*$/, '\n');
    const content = Buffer.from(text);
    const hash = createHash('sha256').update(content).digest('hex').slice(0, 16);
    byName.set(name, { type, hash, content, compressed: {} });
    paths[key] = `/assets/${name}?v=${hash}`;
  }
  loaded = { byName, paths };
  return loaded;
}

function encodingOf(request: Request): Encoding {
  const accepted = request.headers.get('accept-encoding') ?? '';
  if (/\bbr\b/.test(accepted)) return 'br';
  return /\bgzip\b/.test(accepted) ? 'gzip' : 'identity';
}

function bodyOf(asset: Asset, encoding: Encoding): Uint8Array<ArrayBuffer> {
  const kept = asset.compressed[encoding];
  if (kept) return kept;
  const made =
    encoding === 'br'
      ? brotliCompressSync(asset.content, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } })
      : encoding === 'gzip'
        ? gzipSync(asset.content)
        : asset.content;
  const body = new Uint8Array(made);
  asset.compressed[encoding] = body;
  return body;
}
