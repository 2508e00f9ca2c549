/**
 * Many listeners to one log, some of them slow, some that vanish and come again, while others write and the server is killed in
 * between. Guarantees: each is compared number by number with the log as it is read at rest; a listener that was closed goes on
 * behind the last event that it had, as any client does.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { ADMIN_KEY } from '../harness.ts';
import { type Listener, listen } from '../listener.ts';
import { type Started, startNexus } from '../nexus-process.ts';
import { sparePort } from '../servers/spare-port.ts';

export interface Plan {
  readonly directory: string;
  readonly listeners: number;
  /** Written before anybody listens, and while they do. */
  readonly before: number;
  readonly during: number;
  /** Times that the server is killed while they listen. */
  readonly kills: number;
}

export interface Heard {
  /** Events that were given to all listeners together, and times that one came again. */
  readonly given: number;
  readonly resumed: number;
  readonly acknowledged: number;
  /** What differs from the log, a line each. */
  readonly wrong: readonly string[];
}

const WRITERS = 8;
/** Events of one publish, at most. */
const TOGETHER = 5;
const PAUSE_MS = 1_500;
const AGAIN_MS = 100;
/** Who gets no event for so long has lost one. */
const SILENCE_MS = 60_000;

type Kind = 'steady' | 'slow' | 'restless';
/** Of ten. */
const KINDS: readonly Kind[] = [
  ...Array<Kind>(6).fill('steady'),
  ...Array<Kind>(2).fill('slow'),
  ...Array<Kind>(2).fill('restless'),
];

export async function hear(plan: Plan): Promise<Heard> {
  const place = new Place(plan.directory, await sparePort());
  await place.start();
  try {
    const first = await publishAll(place, plan.before);
    const writing = new Writing(place, plan.during);
    const followers = Array.from(
      { length: plan.listeners },
      (_, n) => new Follower(place, KINDS[n % KINDS.length] ?? 'steady'),
    );
    const heard = followers.map((follower) => follower.follow(() => writing.last));
    await Promise.all(followers.map(({ begun }) => begun));
    const written = writing.run();
    for (let kill = 1; kill <= plan.kills; kill++) {
      await writing.reached((plan.during * kill) / (plan.kills + 1));
      await place.killAndReturn();
    }
    const later = await written;
    await Promise.all(heard);
    const log = await readLog(place);
    return {
      given: followers.reduce((sum, { ids }) => sum + ids.length, 0),
      resumed: followers.reduce((sum, { resumed }) => sum + resumed, 0),
      acknowledged: first.length + later.length,
      wrong: [...lost([...first, ...later], log), ...followers.flatMap((follower, n) => differs(n, follower, log))],
    };
  } finally {
    await place.stop();
  }
}

/** The server, which comes back at the same address. */
class Place {
  readonly url: string;
  readonly #env: Readonly<Record<string, string>>;
  readonly #directory: string;
  #server: Started | undefined;

  constructor(directory: string, port: number) {
    this.#directory = directory;
    this.url = `http://127.0.0.1:${port}`;
    this.#env = {
      NEXUS_DATA_DIR: directory,
      NEXUS_PORT: String(port),
      NEXUS_BOOTSTRAP_ADMIN_KEY: ADMIN_KEY,
      NEXUS_RATE_LIMIT_ENABLED: 'false',
      NEXUS_LOG_LEVEL: 'error',
    };
  }

  async start(): Promise<void> {
    this.#server = startNexus(['serve'], { cwd: this.#directory, env: this.#env });
    await this.#server.said(/listening at/);
  }

  async killAndReturn(): Promise<void> {
    this.#server?.child.kill('SIGKILL');
    await this.#server?.ended;
    await this.start();
  }

  async stop(): Promise<void> {
    this.#server?.child.kill('SIGTERM');
    await this.#server?.ended;
  }
}

/** Ids of the events that were acknowledged; undefined where no answer came. */
async function publish(place: Place, count: number): Promise<string[] | undefined> {
  const headers = { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' };
  const body = JSON.stringify(
    Array.from({ length: count }, () => ({ type: 'app.heard', data: { text: 'x'.repeat(100) } })),
  );
  try {
    const answer = await fetch(`${place.url}/api/v2/events`, { method: 'POST', headers, body });
    const { events } = (await answer.json()) as { events?: { event_id: string }[] };
    return events?.map(({ event_id }) => event_id);
  } catch {
    // The server is being killed; what became of it is seen in the log.
    return undefined;
  }
}

async function publishAll(place: Place, count: number): Promise<string[]> {
  const ids: string[] = [];
  while (ids.length < count) ids.push(...((await publish(place, Math.min(1_000, count - ids.length))) ?? []));
  return ids;
}

/** Several writers, until so many events were acknowledged. */
class Writing {
  /** The last one there is; undefined until all are written. */
  last: string | undefined;
  readonly #place: Place;
  readonly #count: number;
  readonly #ids: string[] = [];

  constructor(place: Place, count: number) {
    this.#place = place;
    this.#count = count;
  }

  async run(): Promise<readonly string[]> {
    await Promise.all(Array.from({ length: WRITERS }, () => this.#writer()));
    const [last] = (await publish(this.#place, 1)) ?? [];
    if (last === undefined) throw new Error('the last event was not taken');
    this.#ids.push(last);
    this.last = last;
    return this.#ids;
  }

  async reached(count: number): Promise<void> {
    while (this.#ids.length < count) await sleep(5);
  }

  async #writer(): Promise<void> {
    while (this.#ids.length < this.#count) {
      const ids = await publish(this.#place, 1 + Math.floor(Math.random() * TOGETHER));
      if (ids) this.#ids.push(...ids);
      else await sleep(AGAIN_MS);
    }
  }
}

class Follower {
  readonly kind: Kind;
  readonly ids: string[] = [];
  /** Times that it came again. */
  resumed = 0;
  /** Resolves when it listens. */
  readonly begun: Promise<void>;
  readonly #place: Place;
  #begins = (): void => undefined;

  constructor(place: Place, kind: Kind) {
    this.#place = place;
    this.kind = kind;
    this.begun = new Promise((resolve) => {
      this.#begins = resolve;
    });
  }

  /** From the beginning of the log until the last event has come. */
  async follow(last: () => string | undefined): Promise<void> {
    for (; ; this.resumed++) {
      const listener = await this.#open();
      if (!listener) continue;
      this.#begins();
      await this.#hear(listener, last);
      listener.vanish();
      this.ids.push(...listener.ids);
      if (this.#has(last())) return;
    }
  }

  #has(last: string | undefined): boolean {
    return last !== undefined && this.ids.at(-1) === last;
  }

  async #open(): Promise<Listener | undefined> {
    const query = '?event_types=app.heard';
    const listener = await listen(this.#place.url, { query, lastEventId: this.ids.at(-1) ?? '0', idsOnly: true }).catch(
      () => undefined,
    );
    if (listener?.status === 200) return listener;
    listener?.vanish();
    await sleep(AGAIN_MS);
    return undefined;
  }

  /** Until it has all, or the stream ends, or it has had enough for now. */
  async #hear(listener: Listener, last: () => string | undefined): Promise<void> {
    const enough = this.kind === 'restless' ? Math.ceil(Math.random() * 200) : Number.POSITIVE_INFINITY;
    let rest = Math.random() * 100;
    let before = -1;
    let silent = performance.now();
    // It may have come again with the last event in hand, before anybody knew that it was the last.
    const heard = (): string | undefined => listener.ids.at(-1) ?? this.ids.at(-1);
    const hasAll = (): boolean => last() !== undefined && heard() === last();
    while (!listener.ended && !hasAll() && listener.ids.length < enough) {
      if (listener.ids.length !== before) silent = performance.now();
      else if (performance.now() - silent > SILENCE_MS) throw new Error(`nothing came behind ${heard()}`);
      before = listener.ids.length;
      if (this.kind === 'slow' && before > rest) {
        listener.pause();
        await sleep(Math.random() * PAUSE_MS);
        listener.resume();
        rest = before + Math.random() * 100;
      }
      await sleep(20 + Math.random() * 30);
    }
  }
}

/** The whole log of these events, at rest. */
async function readLog(place: Place): Promise<string[]> {
  const headers = { authorization: `Bearer ${ADMIN_KEY}`, accept: 'application/x-ndjson' };
  const answer = await fetch(`${place.url}/api/v2/events/replay?event_types=app.heard`, { headers });
  return [...(await answer.text()).matchAll(/^\{"event_id":"([^"]+)"/gm)].map(([, id = '']) => id);
}

function lost(acknowledged: readonly string[], log: readonly string[]): string[] {
  const there = new Set(log);
  return acknowledged.filter((id) => !there.has(id)).map((id) => `${id} was acknowledged and is not in the log`);
}

function differs(n: number, { kind, ids }: Follower, log: readonly string[]): string[] {
  const at = log.findIndex((id, i) => ids[i] !== id);
  if (at === -1 && ids.length === log.length) return [];
  const place = at === -1 ? log.length : at;
  return [`listener ${n} (${kind}) had ${ids[place]} where the log has ${log[place]}, at ${place} of ${log.length}`];
}
