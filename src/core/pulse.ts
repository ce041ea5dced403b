import { type DatabaseAddress, openSql, type Sql } from './db';
import { heartbeat, type WorkerIdentity } from './worker';

const beatMs = 1_500;
/** Beats that lie further apart were not unbroken contact: one of the two sides stood still. */
const lateMs = 3_500;
/** Seconds that one beat may take. */
const limitS = 5;

/**
 * Keeps one connection of its own to the database and speaks through it every 1.5 s: as a worker, or only to know that
 * there is contact. It connects anew by itself.
 */
export class Pulse {
  readonly #sql: Sql;
  readonly #contact = new Contact();
  #timer: ReturnType<typeof setInterval> | null = null;
  #beating: Promise<void> | null = null;
  #well = true;

  constructor(
    address: string | DatabaseAddress,
    private readonly identity: WorkerIdentity | null,
    /** Hears when contact is lost, with the reason, and with null when it is there again. */
    private readonly onChange: (error: Error | null) => void,
  ) {
    // When this machine is cut off, the database's end of the connection dies within seconds.
    const keepalive = { tcp_keepalives_idle: 3, tcp_keepalives_interval: 1, tcp_keepalives_count: 3 };
    const connection = { application_name: 'bakeoff pulse', ...keepalive };
    this.#sql = openSql(address, { max: 1, limitS, connection });
  }

  /** Begins; resolves after the first beat. @throws when the database is away */
  async start(): Promise<void> {
    await this.#beat();
    this.#timer = setInterval(() => this.#tick(), beatMs);
  }

  /** For how many seconds this process has been in unbroken contact with a database that ran all the while. */
  contactS(): number {
    return this.#contact.seconds();
  }

  /** Ends within a second. */
  async stop(): Promise<void> {
    if (this.#timer) clearInterval(this.#timer);
    // A beat that arrives later would bring the worker back to the list.
    if (this.#beating) await Promise.race([this.#beating, Bun.sleep(300)]);
    await this.#sql.end({ timeout: 0 });
  }

  #tick(): void {
    if (this.#beating) return;
    this.#beating = this.#beat()
      .then(
        () => this.#tell(null),
        (error: Error) => this.#tell(error),
      )
      .finally(() => {
        this.#beating = null;
      });
  }

  #tell(error: Error | null): void {
    if (this.#well === (error === null)) return;
    this.#well = error === null;
    this.onChange(error);
  }

  async #beat(): Promise<void> {
    try {
      this.#contact.made(await heartbeat({ sql: this.#sql }, this.identity));
    } catch (error) {
      this.#contact.lost();
      throw error;
    }
  }
}

/** Milliseconds of two clocks: one that no one sets, and one that goes on while the machine sleeps. */
interface Instant {
  steady: number;
  wall: number;
}

/** How long contact has been unbroken: by beats that came, and came in time. */
export class Contact {
  #since: Instant | null = null;
  #last: Instant | null = null;
  /** Seconds that the database had been up at the last beat. */
  #upS = 0;

  constructor(
    private readonly clock: () => Instant = () => ({ steady: performance.now(), wall: Date.now() }),
  ) {}

  /** A beat was answered by a database that had been up for so long. */
  made(upS: number): void {
    const now = this.clock();
    if (this.#last === null || gapMs(this.#last, now) > lateMs) this.#since = now;
    this.#last = now;
    this.#upS = upS;
  }

  lost(): void {
    this.#since = null;
    this.#last = null;
  }

  seconds(): number {
    const now = this.clock();
    if (this.#since === null || this.#last === null) return 0;
    const idleMs = gapMs(this.#last, now);
    if (idleMs > lateMs) return 0;
    return Math.min((now.steady - this.#since.steady) / 1000, this.#upS + idleMs / 1000);
  }
}

/** By whichever clock says more. One that was set back is not believed. */
function gapMs(from: Instant, to: Instant): number {
  return Math.max(to.steady - from.steady, to.wall - from.wall);
}
