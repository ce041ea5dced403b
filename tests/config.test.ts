import { describe, expect, test } from 'bun:test';
import { homedir } from 'node:os';
import { ConfigError, isLoopback, readConfig, readServiceUrl, readTerminal } from '../src/config';

function refusal(env: Record<string, string>): string {
  try {
    readConfig(env);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    const { message } = error as Error;
    expect(message).not.toContain('\n');
    return message;
  }
  throw new Error(`${JSON.stringify(env)} was taken`);
}

describe('an empty environment', () => {
  test('has the defaults of the contract', () => {
    const { dataDir, ...rest } = readConfig({});
    expect(rest).toEqual({
      ...{ port: 3001, host: '127.0.0.1', databaseUrl: null, redisUrl: null, apiKey: null, secret: null },
      ...{
        concurrency: 4,
        localRoots: [homedir()],
        unsafeExec: false,
        publicUrl: null,
        allowedHosts: [],
        forgeHosts: [],
      },
      ...{ sweepIntervalS: 5, lockS: 15, modelTimeoutS: 180, retentionDays: null, logLevel: 'info' },
      providers: { openai: null, anthropic: null, ollama: null },
      sslCertFile: null,
      forges: {
        github: { apiUrl: 'https://api.github.com', token: null, webhookSecret: null },
        forgejo: null,
      },
    });
    expect(dataDir).toBe(process.getuid?.() === 0 ? '/var/lib/bakeoff' : `${homedir()}/.local/share/bakeoff`);
    expect(readConfig({ PORT: '', BAKEOFF_DATA: ' ', REDIS_URL: '' })).toEqual(readConfig({}));
  });
});

test('every variable is read', () => {
  const config = readConfig({
    ...{
      PORT: '0',
      HOST: '0.0.0.0',
      LOG_LEVEL: 'debug',
      BAKEOFF_DATA: '/srv/../srv/b',
      BAKEOFF_URL: 'http://x',
    },
    ...{ DATABASE_URL: 'postgresql://u:p@db/b', REDIS_URL: 'rediss://:p@r:1/2', BAKEOFF_CONCURRENCY: '256' },
    ...{
      BAKEOFF_API_KEY: 'k'.repeat(16),
      BAKEOFF_SECRET: 's'.repeat(32),
      BAKEOFF_LOCAL_ROOTS: '/a: /b/ ::/c',
    },
    ...{
      BAKEOFF_UNSAFE_EXEC: 'true',
      BAKEOFF_PUBLIC_URL: 'https://b.example',
      BAKEOFF_ALLOWED_HOSTS: 'one, two,',
    },
    ...{
      BAKEOFF_FORGE_HOSTS: 'git.lan',
      BAKEOFF_SWEEP_INTERVAL_S: '1',
      BAKEOFF_LOCK_S: '2',
      BAKEOFF_MODEL_TIMEOUT_S: '3',
      BAKEOFF_RETENTION_DAYS: '7',
    },
    ...{
      OPENAI_API_KEY: 'ok',
      OPENAI_BASE_URL: 'http://o/v1',
      ANTHROPIC_API_KEY: 'ak',
      ANTHROPIC_BASE_URL: 'https://a',
    },
    OLLAMA_HOST: '0.0.0.0',
    SSL_CERT_FILE: import.meta.path,
    ...{ GITHUB_TOKEN: 'gt', GITHUB_API_URL: 'https://ghe.lan/api/v3/', GITHUB_WEBHOOK_SECRET: 'gw' },
    ...{ FORGEJO_URL: 'http://git.lan:3000/', FORGEJO_TOKEN: 'ft', FORGEJO_WEBHOOK_SECRET: 'fw' },
  });
  expect(config).toEqual({
    ...{ port: 0, host: '0.0.0.0', logLevel: 'debug', dataDir: '/srv/b', concurrency: 256 },
    ...{ databaseUrl: 'postgresql://u:p@db/b', redisUrl: 'rediss://:p@r:1/2' },
    ...{ apiKey: 'k'.repeat(16), secret: 's'.repeat(32), localRoots: ['/a', '/b', '/c'], unsafeExec: true },
    ...{ publicUrl: 'https://b.example', allowedHosts: ['one', 'two'] },
    forgeHosts: ['git.lan', 'git.lan:3000', 'git.lan:22', 'ghe.lan:443', 'ghe.lan:22'],
    sslCertFile: import.meta.path,
    forges: {
      github: { apiUrl: 'https://ghe.lan/api/v3', token: 'gt', webhookSecret: 'gw' },
      forgejo: { url: 'http://git.lan:3000', token: 'ft', webhookSecret: 'fw' },
    },
    ...{ sweepIntervalS: 1, lockS: 2, modelTimeoutS: 3, retentionDays: 7 },
    providers: {
      openai: { apiKey: 'ok', baseUrl: 'http://o/v1' },
      anthropic: { apiKey: 'ak', baseUrl: 'https://a' },
      ollama: { baseUrl: 'http://127.0.0.1:11434' },
    },
  });
});

test('Ollama’s own forms of its variable are understood', () => {
  const url = (value: string) => readConfig({ OLLAMA_HOST: value }).providers.ollama?.baseUrl;
  expect(url('localhost')).toBe('http://localhost:11434');
  expect(url('gpu.lan:8080')).toBe('http://gpu.lan:8080');
  expect(url('https://ollama.example/base/')).toBe('https://ollama.example/base');
  expect(url(':11500')).toBe('http://127.0.0.1:11500');
  expect(url('[::1]:11434')).toBe('http://[::1]:11434');
});

test('retention has no age unless one is set', () => {
  expect(readConfig({}).retentionDays).toBeNull();
  expect(readConfig({ BAKEOFF_RETENTION_DAYS: '30' }).retentionDays).toBe(30);
  expect(refusal({ BAKEOFF_RETENTION_DAYS: '0' })).toContain('BAKEOFF_RETENTION_DAYS=0');
});

test('an unknown name of ours stops the start and is named', () => {
  expect(refusal({ BAKEOFF_CONCURENCY: '3' })).toContain('BAKEOFF_CONCURENCY');
  expect(refusal({ BAKEOFF_: '' })).toContain('BAKEOFF_ ');
  expect(readConfig({ OTHER_NAME: 'x', PATH: '/bin' }).port).toBe(3001);
});

test('a value that cannot be read stops the start with a line that names it', () => {
  const bad: Record<string, string[]> = {
    PORT: ['-1', '65536', '3001x', '1e3', '0x10', '3.5', 'NaN'],
    BAKEOFF_CONCURRENCY: ['0', '257', 'many'],
    BAKEOFF_SWEEP_INTERVAL_S: ['0', '3601'],
    BAKEOFF_LOCK_S: ['1', '601'],
    BAKEOFF_MODEL_TIMEOUT_S: ['0', '3601'],
    BAKEOFF_UNSAFE_EXEC: ['yes', '2'],
    LOG_LEVEL: ['loud'],
    DATABASE_URL: ['mysql://h/d', 'db', 'postgres//x'],
    REDIS_URL: ['http://r', 'r:6379'],
    BAKEOFF_PUBLIC_URL: ['b.example', 'ftp://b'],
    OLLAMA_HOST: ['a b', 'http://'],
    GITHUB_API_URL: ['api.github.com', 'https://x:secret@api.github.com', 'https://h/?x'],
    FORGEJO_URL: ['ssh://h', 'https://token@h'],
    SSL_CERT_FILE: ['/nowhere/ca.pem'],
    GITHUB_TOKEN: ['a b', 'ü'],
    FORGEJO_TOKEN: ['without-its-url'],
    FORGEJO_WEBHOOK_SECRET: ['without-its-url'],
    BAKEOFF_API_KEY: ['short', 'of several words, so never stated', 'é'.repeat(16)],
    BAKEOFF_SECRET: ['k'.repeat(31)],
  };
  for (const [name, values] of Object.entries(bad)) {
    for (const value of values) expect(refusal({ [name]: value })).toContain(name);
  }
  expect(refusal({ OPENAI_API_KEY: 'k', OPENAI_BASE_URL: 'nowhere' })).toContain('OPENAI_BASE_URL');
  expect(refusal({ ANTHROPIC_API_KEY: 'k', ANTHROPIC_BASE_URL: 'nowhere' })).toContain('ANTHROPIC_BASE_URL');
});

test('what may hold a password is not repeated', () => {
  for (const name of ['DATABASE_URL', 'REDIS_URL', 'BAKEOFF_PUBLIC_URL', 'OLLAMA_HOST']) {
    expect(refusal({ [name]: 'nothing://user:hunter2@host bad' })).not.toContain('hunter2');
  }
  expect(refusal({ BAKEOFF_API_KEY: 'hunter2' })).not.toContain('hunter2');
  expect(refusal({ BAKEOFF_SECRET: 'hunter2' })).not.toContain('hunter2');
  expect(refusal({ GITHUB_TOKEN: 'with hunter2' })).not.toContain('hunter2');
  expect(refusal({ FORGEJO_URL: 'https://hunter2@git.lan' })).not.toContain('hunter2');
});

test('loopback is told from what others can reach', () => {
  for (const host of ['127.0.0.1', '127.8.8.8', 'localhost', '::1', '[::1]'])
    expect(isLoopback(host)).toBe(true);
  for (const host of ['0.0.0.0', '::', '192.168.1.2', '127.0.0.1.example.org', 'localhost.lan', ''])
    expect(isLoopback(host)).toBe(false);
});

test('the command line’s own variables', () => {
  expect(readServiceUrl({})).toBeNull();
  expect(readServiceUrl({ BAKEOFF_URL: 'http://127.0.0.1:3001//' })).toBe('http://127.0.0.1:3001');
  expect(() => readServiceUrl({ BAKEOFF_URL: '127.0.0.1:3001' })).toThrow(ConfigError);
  expect(readTerminal({})).toEqual({ color: true, dumb: false });
  expect(readTerminal({ NO_COLOR: '1', TERM: 'dumb' })).toEqual({ color: false, dumb: true });
});
