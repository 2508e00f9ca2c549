/**
 * What a write may go by before the server has answered: what two nodes of one database see of it. That connections break
 * meanwhile is in loss.test.ts.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { freshDatabase } from '../../../test/servers/shared-postgres.ts';
import { type Fate, startTcpProxy, type TcpProxy } from '../../../test/servers/tcp-proxy.ts';
import { Fault } from '../../base/faults.ts';
import type { Sql, Tx } from '../../ports/sql.ts';
import { Guesses, stillIs } from './guesses.ts';
import { openPostgres } from './postgres.ts';

let database: Awaited<ReturnType<typeof freshDatabase>>;
let proxy: TcpProxy;
/** Two nodes; what is said to the first is counted. */
let one: Sql;
let two: Sql;

const open = (url: string): Promise<Sql> =>
  openPostgres({
    url,
    pool: { size: 2, overflow: 0, recycleMs: 0, prePing: false },
    onBroken: (reason) => {
      throw reason;
    },
  });

beforeAll(async () => {
  database = await freshDatabase();
  proxy = await startTcpProxy(Number(new URL(database.url).port));
  one = await open(Object.assign(new URL(database.url), { port: String(proxy.port) }).href);
  two = await open(database.url);
  const things =
    'CREATE TABLE things (id TEXT PRIMARY KEY, n BIGINT NOT NULL, note TEXT); CREATE TABLE notes (n BIGINT)';
  await one.migrate(things, async () => true);
});
afterAll(async () => {
  await one.close();
  await two.close();
  await proxy.stop();
  await database.drop();
});

interface Thing {
  readonly id: string;
  readonly n: number;
  readonly note: string | null;
}

/** A lane of its own for each test: nobody rests there. */
let lane = 0;
beforeEach(async () => {
  lane++;
  await two.write(`${lane}`, (tx) => tx.run('INSERT INTO things VALUES (?, 0, NULL)', [`${lane}`]));
});

const COLUMNS = 'id, n, note';
async function find(tx: Tx): Promise<Thing> {
  const asked = (): Promise<Thing | undefined> =>
    tx.get<Thing>(`SELECT ${COLUMNS} FROM things WHERE id = ? FOR UPDATE`, [`${lane}`]);
  return tx.kept<Thing>('things', `${lane}`) ?? ((await asked()) as Thing);
}
const keep = (tx: Tx, row: Thing): Promise<void> =>
  tx.keep('things', row.id, {
    row,
    save: { sql: 'UPDATE things SET n = ?, note = ? WHERE id = ?', params: [row.n, row.note, row.id] },
    whole: true,
  });

interface Seen {
  readonly n: number;
  readonly supposing: boolean;
}

const bump = (sql: Sql, more?: (tx: Tx, row: Thing) => Promise<void> | void): Promise<Seen> =>
  sql.write(`${lane}`, async (tx) => {
    const row = await find(tx);
    const { supposing } = tx;
    await keep(tx, { ...row, n: row.n + 1 });
    await more?.(tx, row);
    return { n: row.n + 1, supposing };
  });
const stored = async (): Promise<number | undefined> =>
  (await two.read((tx) => tx.get<Thing>(`SELECT ${COLUMNS} FROM things WHERE id = ?`, [`${lane}`])))?.n;

test('who has written last in a lane goes by what it left, and nothing is asked before it is all sent', async () => {
  expect(await bump(one)).toEqual({ n: 1, supposing: false });
  const before = proxy.turns;
  for (let n = 2; n <= 11; n++) expect(await bump(one)).toEqual({ n, supposing: true });
  // Each of them, with its commit, is one message and its answer.
  expect(proxy.turns - before).toBe(10);
  expect(await stored()).toBe(11);
});

test('a row that another node has changed is found to be another, and the write runs again', async () => {
  await bump(one);
  await bump(two);
  const ran: number[] = [];
  const seen = await bump(one, (_tx, { n }) => void ran.push(n));
  expect([seen, ran]).toEqual([{ n: 3, supposing: false }, [1, 2]]);
  expect(await stored()).toBe(3);
});

test('so it is where the write asks for more, has parts of its own, or fails because of what it went by', async () => {
  const asks = async (tx: Tx): Promise<void> => {
    await tx.all('SELECT id FROM things', []);
  };
  const parts = (tx: Tx): Promise<void> => tx.nested(() => tx.insert({ into: 'notes', columns: ['n'] }, [[1]]));
  const swallows = (tx: Tx): Promise<void> => parts(tx).catch(() => undefined);
  const refuses = (_tx: Tx, { n }: Thing): void => {
    if (n === 1) throw new Fault('CONFLICT', 'too few', {});
  };
  for (const more of [asks, parts, swallows, refuses]) {
    lane++;
    await two.write(`${lane}`, (tx) => tx.run('INSERT INTO things VALUES (?, 0, NULL)', [`${lane}`]));
    await bump(one);
    await bump(two);
    expect(await bump(one, more)).toEqual({ n: 3, supposing: false });
    expect(await stored()).toBe(3);
  }
});

test('what fails by itself fails at once, and once', async () => {
  await bump(one);
  let ran = 0;
  const failing = bump(one, () => {
    ran++;
    throw new Fault('CONFLICT', 'no', {});
  });
  await expect(failing).rejects.toThrow('no');
  const broken = bump(one, (tx) => tx.insert({ into: 'things', columns: ['id', 'n'] }, [[`${lane}`, 1]]));
  await expect(broken).rejects.toThrow('duplicate key');
  expect([ran, await stored()]).toEqual([1, 1]);
});

test('what is supposed beside it is checked as well', async () => {
  await bump(one);
  const ran: boolean[] = [];
  const supposes = (tx: Tx): void => {
    ran.push(tx.supposing);
    if (tx.supposing) tx.suppose('SELECT 1 FROM things WHERE id = ? AND n > 100', [`${lane}`]);
  };
  expect(await bump(one, supposes)).toEqual({ n: 2, supposing: false });
  expect([ran, await stored()]).toEqual([[true, false], 2]);
});

test('who has waited behind others looks again, whatever they did: a call may be over by then', async () => {
  await bump(one);
  const held = Promise.withResolvers<void>();
  const other = two.write(`${lane}`, async (tx) => {
    await tx.get('SELECT 1 AS one');
    held.resolve();
    await sleep(800);
  });
  await held.promise;
  const ran: boolean[] = [];
  const seen = await bump(one, ({ supposing }) => void ran.push(supposing));
  await other;
  expect([seen, ran]).toEqual([{ n: 2, supposing: false }, [true, false]]);
});

describe('a write that is one message with its commit', () => {
  /** The fate of the next message. */
  const lose = (fate: Fate): void => {
    proxy.judge = () => {
      proxy.judge = () => 'pass';
      return fate;
    };
  };
  const unknown = { code: 'UNAVAILABLE', data: { outcome: 'unknown' } };

  test.each([
    ['lose', 3],
    ['lose the answer', 4],
  ] as const)('has an unknown outcome where nothing of it is heard: %s', async (fate, n) => {
    for (let i = 0; i < 3; i++) await bump(one);
    lose(fate);
    await expect(bump(one)).rejects.toMatchObject(unknown);
    await expect.poll(stored).toBe(n);
    expect((await bump(one)).n).toBe(n + 1);
  });

  test('is found to have happened where only the answer to the commit is lost', async () => {
    const { lostAnswers } = proxy;
    let n = 0;
    // On a busy machine both may come together, and then nothing is lost.
    for (let tries = 0; proxy.lostAnswers === lostAnswers && tries < 50; tries++) {
      for (let i = 0; i < 2; i++) await bump(one);
      lose('lose what follows the answer');
      n += 3;
      expect(await bump(one)).toMatchObject({ n });
    }
    expect([proxy.lostAnswers - lostAnswers, await stored()]).toEqual([1, n]);
  });

  const ownProcess = (tx: Tx): Promise<{ pid: number } | undefined> => tx.get('SELECT pg_backend_pid() AS pid');
  const notes = (tx: Tx): Promise<void> => tx.insert({ into: 'notes', columns: ['n'] }, [[lane], [lane], [lane]]);

  test.each([
    ['all of it is prepared', undefined],
    ['it has to be several after all', notes],
  ] as const)('is repeated where the server says that it ends before it has begun with it, and %s', async (_, more) => {
    for (let i = 0; i < 3; i++) await bump(one);
    const { pid = 0 } = (await one.write(`${lane}`, ownProcess)) ?? {};
    await bump(one);
    proxy.judge = () => {
      proxy.judge = () => 'pass';
      // As pg_terminate_backend does, while the message is on its way.
      process.kill(pid, 'SIGTERM');
      return 'pass';
    };
    const ran: boolean[] = [];
    const seen = await bump(one, async (tx) => {
      ran.push(tx.supposing);
      await more?.(tx);
    });
    expect([seen, ran]).toEqual([{ n: 5, supposing: false }, [true, false]]);
    expect(await stored()).toBe(5);
  });

  test('is undone as a whole where one of its statements fails, and the next one runs on the same connection', async () => {
    for (let i = 0; i < 3; i++) await bump(one);
    const note = (tx: Tx): Promise<void> => tx.insert({ into: 'notes', columns: ['n'] }, [[lane]]);
    const again = async (tx: Tx): Promise<void> => {
      await note(tx);
      await tx.insert({ into: 'things', columns: ['id', 'n'] }, [[`${lane}`, 1]]);
    };
    // Once so that each statement is known to the connection.
    await bump(one, note);
    await expect(bump(one, again)).rejects.toThrow('duplicate key');
    const { turns } = proxy;
    await expect(bump(one, again)).rejects.toThrow('duplicate key');
    expect((await bump(one)).n).toBe(5);
    expect(proxy.turns - turns).toBeLessThanOrEqual(4);
    const notes = await two.read((tx) => tx.all('SELECT n FROM notes WHERE n = ?', [lane]));
    expect([notes.length, await stored()]).toEqual([1, 5]);
  });
});

test('a row with nothing in a column is compared too', async () => {
  await bump(one);
  await two.write(`${lane}`, (tx) => tx.run("UPDATE things SET note = 'x' WHERE id = ?", [`${lane}`]));
  await bump(one);
  const row = await two.read((tx) => tx.get<Thing>(`SELECT ${COLUMNS} FROM things WHERE id = ?`, [`${lane}`]));
  expect(row).toMatchObject({ n: 2, note: 'x' });
});

test('nodes that write in turn, alone and many at a time, lose nothing and count nothing twice', async () => {
  const seen: number[] = [];
  const some = (sql: Sql, times: number, together: number): Promise<unknown> =>
    Promise.all(
      Array.from({ length: together }, async () => {
        for (let i = 0; i < times; i++) seen.push((await bump(sql)).n);
      }),
    );
  await Promise.all([some(one, 40, 1), some(two, 40, 1)]);
  await Promise.all([some(one, 5, 8), some(two, 20, 1)]);
  expect(seen.sort((a, b) => a - b)).toEqual(Array.from({ length: 140 }, (_, i) => i + 1));
  expect(await stored()).toBe(140);
});

test('behind a guess that failed a lane rests, and knows again what it leaves', () => {
  const guesses = new Guesses();
  const left = { table: 'things', key: 'a', row: { id: 'a', n: 1, note: null } };
  expect(guesses.of('x')).toBeUndefined();
  guesses.committed('x', left);
  expect([guesses.of('x'), guesses.of('y')]).toEqual([left, undefined]);
  guesses.failed('x');
  guesses.committed('x', left);
  expect(guesses.of('x')).toBeUndefined();
  guesses.committed('y', left);
  guesses.forget('y');
  expect(guesses.of('y')).toBeUndefined();
  expect(stillIs(left)).toEqual({
    sql: 'SELECT 1 AS one FROM things WHERE id = ? AND n = ? AND note IS NULL FOR UPDATE',
    params: ['a', 1],
  });
});
