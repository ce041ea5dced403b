import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { resolve } from 'node:path';
import { openSql, type Sql } from '../../src/core/db';
import { Contact, Pulse } from '../../src/core/pulse';
import { gone, heartbeat, retireAll, type WorkerIdentity } from '../../src/core/worker';
import { freshDatabase, type TestDatabase } from '../support/database';
import { mortalPostgres } from '../support/postgres';
import { until } from '../support/wait';

let database: TestDatabase;
beforeAll(async () => {
  database = await freshDatabase();
});
afterAll(() => database.drop());

const identity = (id: string): WorkerIdentity => ({
  ...{ id, host: 'here', pid: 7, concurrency: 2, version: '0', sandbox: 'bubblewrap', sandbox_detail: null },
});

async function isGone(sql: Sql, id: string): Promise<boolean> {
  const [row] = await sql<{ gone: boolean }[]>`select ${gone(sql, sql`${id}::text`)} as gone`;
  return row!.gone;
}

const age = (id: string, seconds: number) =>
  database.sql`update workers set heard_at = now() - make_interval(secs => ${seconds}) where id = ${id}`;

describe('a worker', () => {
  test('is gone when its connection is and it was not heard for 4 s, or after 15 s of silence', async () => {
    const line = openSql(database.address, { max: 1 });
    await heartbeat({ sql: line }, identity('one'));
    const seen: [string, boolean][] = [];
    const see = async (when: string): Promise<void> =>
      void seen.push([when, await isGone(database.sql, 'one')]);
    await see('heard');
    await age('one', 5);
    await see('silent for 5 s, connected');
    await age('one', 14);
    await see('silent for 14 s, connected');
    await age('one', 16);
    await see('silent for 16 s, connected');
    await age('one', 3);
    await line.end();
    await until(async () => {
      const [row] = await database.sql`
        select 1 from workers w join pg_stat_activity a on a.pid = w.backend_pid where w.id = 'one'`;
      return row === undefined;
    }, 'the end of its connection');
    await see('silent for 3 s, cut off');
    await age('one', 5);
    await see('silent for 5 s, cut off');
    await heartbeat(database, identity('one'));
    await see('heard again');
    await retireAll(database);
    await see('on no list');
    expect(seen).toEqual([
      ['heard', false],
      ['silent for 5 s, connected', false],
      ['silent for 14 s, connected', false],
      ['silent for 16 s, connected', true],
      ['silent for 3 s, cut off', false],
      ['silent for 5 s, cut off', true],
      ['heard again', false],
      ['on no list', true],
    ]);
  });

  test('killed with -9 is gone within 6 s; one that stands still for that long is not', async () => {
    const script = `
      const { Pulse } = await import(${JSON.stringify(resolve(import.meta.dir, '../../src/core/pulse.ts'))});
      const [address, identity] = JSON.parse(await Bun.stdin.text());
      await new Pulse(address, identity, () => {}).start();
      console.log('beats');
    `;
    const start = async (id: string) => {
      const child = Bun.spawn([process.execPath, '-e', script], {
        stdin: new Blob([JSON.stringify([database.address, identity(id)])]),
        ...{ stdout: 'pipe', stderr: 'inherit' },
      });
      const { value } = await child.stdout.getReader().read();
      expect(new TextDecoder().decode(value)).toContain('beats');
      return child;
    };
    const [dead, still] = await Promise.all([start('dead'), start('still')]);
    try {
      still.kill('SIGSTOP');
      dead.kill('SIGKILL');
      const killed = performance.now();
      expect(await isGone(database.sql, 'dead')).toBe(false);
      await until(() => isGone(database.sql, 'dead'), 'its being gone', 6_000);
      expect(performance.now() - killed).toBeGreaterThan(2_000);
      expect(await isGone(database.sql, 'still')).toBe(false);
    } finally {
      for (const child of [dead, still]) child.kill('SIGKILL');
      await Promise.all([dead.exited, still.exited]);
    }
  }, 20_000);
});

describe('contact', () => {
  /** Both clocks in hand; seconds. */
  function contactAt() {
    const clock = { steady: 0, wall: 0 };
    const contact = new Contact(() => ({ steady: clock.steady * 1000, wall: clock.wall * 1000 }));
    const pass = (seconds: number, wall = seconds): void => {
      clock.steady += seconds;
      clock.wall += wall;
    };
    const beats = (count: number): void => {
      for (let i = 0; i < count; i += 1) {
        pass(1.5);
        contact.made(1e6);
      }
    };
    return { contact, pass, beats };
  }

  test('is as long as beats came in time', () => {
    const { contact, beats, pass } = contactAt();
    expect(contact.seconds()).toBe(0);
    beats(9);
    expect(contact.seconds()).toBe(12);
    pass(3);
    expect(contact.seconds()).toBe(15);
  });

  test('begins anew after a beat that failed, or came late', () => {
    const { contact, beats, pass } = contactAt();
    beats(9);
    contact.lost();
    expect(contact.seconds()).toBe(0);
    beats(2);
    expect(contact.seconds()).toBe(1.5);
    // Stopped, or the database frozen, for a minute: nothing is believed until it has been heard for a while.
    pass(60);
    expect(contact.seconds()).toBe(0);
    contact.made(1e6);
    expect(contact.seconds()).toBe(0);
    beats(4);
    expect(contact.seconds()).toBe(6);
  });

  test('does not outlast a sleep of the machine, and is no longer than the database has been up', () => {
    const { contact, beats, pass } = contactAt();
    beats(9);
    pass(0.1, 3600);
    expect(contact.seconds()).toBe(0);
    contact.made(1e6);
    beats(9);
    pass(1);
    contact.made(2);
    expect(contact.seconds()).toBe(2);
    pass(1);
    expect(contact.seconds()).toBe(3);
  });
});

test('a pulse finds a database that was away by itself, says so once each way, and its contact begins anew', async () => {
  const postgres = await mortalPostgres();
  const heard: boolean[] = [];
  const pulse = new Pulse(postgres.address, identity('one'), (error) => heard.push(error === null));
  const look = openSql(postgres.address, { max: 1 });
  try {
    await pulse.start();
    await until(() => pulse.contactS() > 2, 'contact', 5_000);
    await postgres.stop('killed');
    await until(() => pulse.contactS() === 0, 'its loss', 5_000);
    await postgres.start();
    await until(() => pulse.contactS() > 0.1, 'contact again', 8_000);
    expect(heard).toEqual([false, true]);
    expect(pulse.contactS()).toBeLessThan(4);
    expect(
      await until(() =>
        isGone(look, 'one')
          .catch(() => null)
          .then((is) => [is]),
      ),
    ).toEqual([false]);
    postgres.freeze();
    await until(() => pulse.contactS() === 0, 'its loss', 8_000);
    postgres.thaw();
    await until(() => pulse.contactS() > 0.1, 'contact again', 8_000);
    expect(pulse.contactS()).toBeLessThan(4);
  } finally {
    await pulse.stop();
    await look.end({ timeout: 0 });
    await postgres.remove();
  }
}, 40_000);
