/**
 * The bell of many nodes: LISTEN and NOTIFY on a connection of its own. Guarantees beside those of the port: a
 * connection that ends is opened again until the bell is closed; what is rung meanwhile is lost.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseJson } from '../../base/parse-json.ts';
import { assertRing, type Bell } from '../../ports/bell.ts';
import { openProcessBell } from '../process/process-bell.ts';
import { type Connection, connect } from './connection.ts';

const CHANNEL = 'nexus_bell';
const RECONNECT_MS = 500;

/** UNAVAILABLE when the server is out of reach now. */
export async function openPostgresBell(url: string): Promise<Bell> {
  const bell = new PostgresBell(url);
  await bell.connect();
  return bell;
}

class PostgresBell implements Bell {
  readonly #url: string;
  readonly #here = openProcessBell();
  #connection: Connection | undefined;
  #closed = false;

  constructor(url: string) {
    this.#url = url;
  }

  async connect(): Promise<void> {
    const connection = await connect(this.#url, { name: 'nexus-bell' });
    connection.onNotification((text) => {
      const [topic, payload] = parseJson(text) as [string, string];
      this.#here.ring(topic, payload);
    });
    // A hint need not be on disk, and a ring would otherwise cost a sync of it.
    await connection.command('SET synchronous_commit = off');
    await connection.command(`LISTEN ${CHANNEL}`);
    this.#connection = connection;
    connection.ended.then(() => this.#reconnect());
    if (this.#closed) await connection.end();
  }

  ring(topic: string, payload: string): void {
    assertRing(topic, payload);
    if (this.#closed) return;
    const text = JSON.stringify([topic, payload]);
    // A hint that does not get through is one that was lost.
    this.#connection?.query('SELECT pg_notify(?, ?)', [CHANNEL, text]).catch(() => undefined);
  }

  listen(topic: string, handler: (payload: string) => void): () => void {
    return this.#here.listen(topic, handler);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#here.close();
    await this.#connection?.end();
  }

  async #reconnect(): Promise<void> {
    let away = true;
    while (away) {
      await sleep(RECONNECT_MS);
      if (this.#closed) return;
      away = await this.connect().then(
        () => false,
        () => true,
      );
    }
  }
}
