/** Stored contents that are read again: what is told as damaged, what becomes whole again, and how much is read when. */
import { hash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type Bare, openBare } from '../../test/bare.ts';
import { forEachEngine, startTestServer } from '../../test/harness.ts';
import { checkSteps } from '../core/operations.ts';
import { openDiskDepot } from '../engines/disk/disk-depot.ts';
import type { CheckStatus } from '../features/content/check-status.operations.ts';
import { reserveBlobs } from '../features/content/content.operations.ts';
import type { Depot } from '../ports/depot.ts';
import { type ContentCheckParts, checkContents } from './content-check.ts';

const DAY = 86_400_000;
const HOUR = 3_600_000;
/** Kept in the blob store, not inline. */
const LARGE = 'large '.repeat(20_000);

const JSON_BODY = { 'content-type': 'application/json' };
const shaOf = (text: string): string => hash('sha256', text);

forEachEngine('contents that are read again', (engine) => {
  let bare: Bare;
  let backups: string;
  let logged: string[];
  beforeEach(async () => {
    bare = await openBare(engine);
    backups = mkdtempSync(join(tmpdir(), 'nexus-depot-'));
    logged = [];
  });
  afterEach(async () => {
    await bare.close();
    rmSync(backups, { recursive: true });
  });

  const write = (path: string, content: string) => bare.call('write', { path, content });
  const status = () => bare.call<CheckStatus>('content.status', {});
  const openBackups = (): Promise<Depot> => openDiskDepot(backups, 'keep');
  const partsOf = (days = 30): ContentCheckParts & { signal: AbortSignal } => ({
    step: bare.step,
    blobs: bare.blobs,
    log: (_level, event) => logged.push(event),
    contents: { days, openBackups },
    signal: new AbortController().signal,
  });
  /** All of them, as somebody asks for it. */
  async function checkAll(parts = partsOf()) {
    await bare.call('content.check', {});
    return checkContents(parts);
  }
  const events = async (): Promise<string[]> => {
    const rows = await bare.sql.read((tx) =>
      tx.all<{ type: string }>("SELECT type FROM events WHERE type LIKE 'content.%' ORDER BY seq"),
    );
    return rows.map(({ type }) => type);
  };

  test('nothing is told of what is whole, nor of what is announced and not there yet', async () => {
    await write('/small', 'small');
    await write('/large', LARGE);
    await bare.step(reserveBlobs, 'root', { blobs: [{ sha256: shaOf('to come'), size: 100_000, utf8: true }] });
    expect(await checkAll()).toEqual({ contents: 3, damaged: 0, mended: 0 });
    expect(await status()).toMatchObject({ running: false, share: 1, contents: 3, damaged: [] });
    expect([await events(), logged]).toEqual([[], []]);
  });

  test.each([
    ['other bytes', (file: string) => writeFileSync(file, LARGE.replace('l', 'L'))],
    ['unreadable', (file: string) => truncateSync(file, 1_000)],
    ['missing', (file: string) => unlinkSync(file)],
  ])('%s: told once, with the files that have it, until the same content is stored again', async (reason, spoil) => {
    await write('/a', LARGE);
    await write('/a', 'newer');
    await write('/folder/b', LARGE);
    const sha256 = shaOf(LARGE);
    const file = bare.blobFile(sha256);
    spoil(file);
    const spoilt = existsSync(file) ? readFileSync(file) : undefined;
    for (let times = 0; times < 2; times++) await checkAll();
    const { damaged } = await status();
    expect(damaged).toMatchObject([
      {
        sha256,
        reason,
        size: LARGE.length,
        files: [
          { zone_id: 'root', branch: 'main', path: '/folder/b', version: 1 },
          { zone_id: 'root', branch: 'main', path: '/a', version: 1 },
        ],
      },
    ]);
    expect([await events(), logged]).toEqual([['content.damaged'], ['content.damaged']]);
    // What was there is kept for people, and serves nobody.
    const aside = join(dirname(dirname(dirname(file))), 'damaged', sha256);
    expect([existsSync(file), existsSync(aside) ? readFileSync(aside) : undefined]).toEqual([false, spoilt]);
    await write('/c', LARGE);
    expect(await checkAll()).toMatchObject({ damaged: 0, mended: 1 });
    expect((await status()).damaged).toEqual([]);
    expect(await events()).toEqual(['content.damaged', 'content.mended']);
    expect(readFileSync(file, 'utf8')).toBe(LARGE);
  });

  test('one that a backup has whole is put back at once, and one that it has damaged too is not', async () => {
    const texts = [LARGE, `${LARGE}2`];
    const depot = await openBackups();
    await depot.documents.put('bk-20300101t000000000z-00000000.json', 'a manifest');
    for (const [at, text] of texts.entries()) {
      await write(`/${at}`, text);
      const source = async function* (start: number, end: number) {
        yield Buffer.from(text).subarray(start, end);
      };
      await depot.blobs.put({ sha256: shaOf(text), size: text.length, read: source });
      writeFileSync(bare.blobFile(shaOf(text)), text.replace('l', 'L'));
    }
    await depot.close();
    const [, second = ''] = texts.map(shaOf);
    writeFileSync(
      join(backups, 'blobs', second.slice(0, 2), second.slice(2, 4), second),
      texts[1]?.replace('l', 'M') ?? '',
    );
    expect(await checkAll()).toEqual({ contents: 2, damaged: 2, mended: 1 });
    expect((await status()).damaged.map(({ sha256 }) => sha256)).toEqual([second]);
    expect(readFileSync(bare.blobFile(shaOf(LARGE)), 'utf8')).toBe(LARGE);
    expect(logged.sort()).toEqual(['content.damaged', 'content.damaged', 'content.mended']);
  });

  test('a small one is read where its row is, and where backups are out of reach damages are told all the same', async () => {
    await write('/small', 'small');
    await write('/large', LARGE);
    const change = (text: string) =>
      bare.sql.write('root', (tx) =>
        tx.run('UPDATE blobs SET inline = ? WHERE sha256 = ?', [Buffer.from(text), shaOf('small')]),
      );
    await change('smell');
    unlinkSync(bare.blobFile(shaOf(LARGE)));
    const away = { ...partsOf(), contents: { days: 30, openBackups: () => Promise.reject(new Error('away')) } };
    expect(await checkAll(away)).toMatchObject({ damaged: 2 });
    expect((await status()).damaged.map(({ reason }) => reason).sort()).toEqual(['missing', 'other bytes']);
    expect(logged).toContain('content.not-mended');
    await change('small');
    expect(await checkAll(away)).toMatchObject({ damaged: 0, mended: 1 });
  });

  test('of many that are damaged the oldest hundred are told, and how many there are', async () => {
    for (let n = 0; n < 101; n++) await write(`/${n}`, `small ${n}`);
    await bare.sql.write('root', (tx) => tx.run('UPDATE blobs SET inline = ?', [Buffer.from('other')]));
    await checkAll();
    expect(await status()).toMatchObject({ damaged_count: 101, damaged: { length: 100 } });
  });

  test('what nothing names any more is damaged no longer', async () => {
    await write('/a', LARGE);
    unlinkSync(bare.blobFile(shaOf(LARGE)));
    await checkAll();
    expect((await status()).damaged).toHaveLength(1);
    await bare.sql.write('root', (tx) => tx.run("DELETE FROM file_states WHERE path = '/a'"));
    expect((await status()).damaged).toEqual([]);
    await checkAll();
    const left = await bare.sql.read((tx) => tx.all('SELECT * FROM content_damages'));
    expect(left).toEqual([]);
  });

  test('one that was asked for is not begun again before its end, and asks for one job', async () => {
    await write('/a', 'a');
    const began = (await bare.call<CheckStatus>('content.check', {})).began_at;
    expect((await bare.call<CheckStatus>('content.check', {})).began_at).toBe(began);
    const jobs = await bare.sql.read((tx) => tx.all("SELECT job_id FROM jobs WHERE type = 'content_check'"));
    expect(jobs).toHaveLength(1);
  });
});

test('a round takes its days, and the next one follows', async () => {
  const bare = await openBare();
  const days = 10;
  const parts = {
    step: bare.step,
    blobs: bare.blobs,
    log: () => undefined,
    contents: { days, openBackups: () => Promise.reject(new Error('there are none')) },
    signal: new AbortController().signal,
  };
  const due = () => bare.step(checkSteps.due, 'root', { days });
  const later = (ms: number): void => bare.clock.set(bare.clock.now() + ms);
  const look = async (): Promise<number> => ((await due()) ? (await checkContents(parts)).contents : 0);
  expect(await due()).toBe(false);
  for (let at = 0; at < 1_000; at++) await bare.call('write', { path: `/${at}`, content: `content ${at}` });
  expect(await look()).toBe(0);
  const shares: number[] = [];
  for (let day = 1; day <= days; day++) {
    let contents = 0;
    for (let hours = 0; hours < 24; hours++) {
      later(HOUR);
      contents += await look();
    }
    shares.push(contents);
  }
  expect(shares.reduce((sum, contents) => sum + contents)).toBe(1_000);
  // As many each day, up to one window.
  for (const share of shares) expect(Math.abs(share - 100)).toBeLessThanOrEqual(64);
  // The last of them was read a little early, and by then the next round has begun.
  const { running, began_at, last_ended_at } = await bare.call<CheckStatus>('content.status', {});
  expect([running, last_ended_at !== null && began_at !== null && last_ended_at < began_at]).toEqual([true, true]);
  later(DAY);
  expect(await look()).toBeGreaterThan(0);
  await bare.close();
});

test('nothing is read by itself where that is switched off, and all where somebody asks', async () => {
  const bare = await openBare();
  await bare.call('write', { path: '/a', content: 'a' });
  const due = () => bare.step(checkSteps.due, 'root', { days: 0 });
  expect(await due()).toBe(false);
  await bare.call('content.check', {});
  expect(await due()).toBe(true);
  await bare.close();
});

test('a server reads them when it is asked, and refuses a file whose content is damaged', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'nexus-check-'));
  const logged: string[] = [];
  const defects: object[] = [];
  const server = await startTestServer({
    engine: 'sqlite',
    directory,
    environment: { NEXUS_EMBEDDED_WORKER: 'true', NEXUS_WORKER_POLL_SECONDS: '0.1' },
    log: (_level, event, fields) => {
      logged.push(event);
      if (event === 'internal.error') defects.push(fields);
    },
  });
  await server.ok('write', { path: '/a', content: LARGE });
  const sha256 = shaOf(LARGE);
  const file = join(directory, 'blobs', sha256.slice(0, 2), sha256.slice(2, 4), sha256);
  writeFileSync(file, LARGE.replace('l', 'L'));
  const begun = await server.http('/api/v2/contents/check', { method: 'POST', body: '{}', headers: JSON_BODY });
  expect(begun.status).toBe(202);
  const status = async () => (await (await server.http('/api/v2/contents/check')).json()) as CheckStatus;
  await vi.waitFor(async () => expect(await status()).toMatchObject({ share: 1, damaged: [{ sha256 }] }), 10_000);
  const read = await server.http('/api/v2/files/a');
  // Why, the log says; a client is told nothing else (files.md §2).
  expect([read.status, await read.json()]).toMatchObject([500, { error: { code: 'INTERNAL', data: {} } }]);
  expect(await server.fault('read', { path: '/a' })).toBe('INTERNAL');
  expect(logged).toEqual(expect.arrayContaining(['content.damaged', 'internal.error']));
  const text = expect.any(String);
  expect(defects.at(-1)).toMatchObject({ request_id: text, call_id: text, zone: 'root', api_key_id: text, err: text });
  const metrics = await (await server.http('/metrics/prometheus')).text();
  expect(metrics).toMatch(/^nexus_contents_damaged 1$/m);
  await server.ok('write', { path: '/b', content: LARGE });
  expect(await (await server.http('/api/v2/files/a')).text()).toBe(LARGE);
  await server.stop();
  rmSync(directory, { recursive: true });
});
