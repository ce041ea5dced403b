import type { Event } from '../core/fact';
import type { Item, Place } from './items';

/** A stream's items in order, found by name, with what is new and what changed since it was last asked. */
export class ItemList {
  readonly items: Item[] = [];
  /** Null for a name whose next item is another one. */
  #byKey = new Map<string, Item | null>();
  #touched = new Set<Item>();
  #fresh = new Set<Item>();

  constructor(readonly position: number) {}

  /** What is new and what changed since the last call, each in order. Items that are new are not among the changed. */
  changes(): { fresh: Item[]; changed: Item[] } {
    const fresh = [...this.#fresh];
    const changed = [...this.#touched].filter((item) => !this.#fresh.has(item));
    this.#fresh.clear();
    this.#touched.clear();
    return { fresh, changed };
  }

  /** Lets go of the oldest items beyond `limit`; they are returned. */
  trim(limit: number): Item[] {
    const gone = this.items.splice(0, Math.max(0, this.items.length - limit));
    const left = new Set(gone);
    for (const [name, item] of this.#byKey) if (item && left.has(item)) this.#byKey.delete(name);
    return gone;
  }

  place(event: Event, name = `e${event.seq}`): Place {
    return { key: `v${this.position}-${name}`, seq: event.seq, at: event.created_at };
  }

  put(item: Item): void {
    // A call or tool that another attempt counts again must not take its forerunner's element over: found by its
    // name is the newest, and only its element's id says which one it is.
    const name = item.key;
    if (this.#byKey.has(name)) item.key = `${name}-${item.seq}`;
    this.#byKey.set(name, item);
    this.items.push(item);
    this.#fresh.add(item);
  }

  find<K extends Item['kind']>(name: string, kind: K): Extract<Item, { kind: K }> | null {
    const item = this.#byKey.get(`v${this.position}-${name}`);
    return item?.kind === kind ? (item as Extract<Item, { kind: K }>) : null;
  }

  /** What is found by this name from now on is another: the next that is put there. */
  forget(name: string): void {
    this.#byKey.set(`v${this.position}-${name}`, null);
  }

  change<T extends Item>(item: T, change: Partial<T>): void {
    Object.assign(item, change);
    this.#touched.add(item);
  }

  line(event: Event, icon: string, strong: string, rest: string): void {
    this.put({ ...this.place(event), kind: 'line', icon, strong, rest });
  }
}
