/** Seed texts over real sockets into a real folder: whole or not at all, by judged addresses, and never outside of the folder. */
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { startTextServer, type TextServer } from '../../../test/servers/texts.ts';
import { SeedNotFetched, type SeedTexts } from '../../ports/seed-texts.ts';
import { download } from '../network/download.ts';
import { openOutbound } from '../network/outbound.ts';
import { seedTexts } from './seed-texts.ts';

const NAME = 'texts.example.org';
const TEXT = 'Sing, o muse. '.repeat(10_000);
const BYTES_MAX = TEXT.length;

let texts: TextServer;
let folder: string;
beforeAll(async () => {
  texts = await startTextServer(NAME);
});
afterAll(() => texts.stop());
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'nexus-seeds-')));
});
afterEach(() => rmSync(folder, { recursive: true }));

const seedsIn = (root: string, signal = AbortSignal.timeout(60_000)): SeedTexts =>
  seedTexts(root, async function* (url) {
    const outbound = openOutbound({ allow: [], pins: [texts.pin], ca: texts.certificate });
    try {
      yield* download(url, { outbound, bytesMax: BYTES_MAX, signal });
    } finally {
      outbound.close();
    }
  });
const at = (path: string): URL => new URL(path, `https://${NAME}`);
const left = (): string[] => readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();

test('a text is a file of the folder, in the place of one that is there', async () => {
  texts.answer('/text', (response) => response.end(TEXT));
  texts.answer('/moved', (response) => response.writeHead(302, { location: '/again' }).end());
  texts.answer('/again', (response) => response.writeHead(308, { location: `https://${NAME}/text` }).end());
  const seeds = seedsIn(folder);
  expect([await seeds.exists(), await seeds.find('a.txt')]).toEqual([true, undefined]);
  const path = join(folder, 'seeds', 'a.txt');
  expect(await seeds.fetch('a.txt', at('/text'))).toBe(path);
  expect(await seeds.find('a.txt')).toBe(path);
  writeFileSync(path, 'old');
  expect(await seeds.fetch('a.txt', at('/moved'))).toBe(path);
  expect(readFileSync(path, 'utf8')).toBe(TEXT);
  expect(left()).toEqual(['seeds', 'seeds/a.txt']);
});

test('what cannot be fetched whole leaves nothing', async () => {
  texts.answer('/larger', (response) => response.end(`${TEXT}x`));
  texts.answer('/ring', (response) => response.writeHead(301, { location: '/ring' }).end());
  texts.answer('/plain', (response) => response.writeHead(302, { location: `http://${NAME}/text` }).end());
  texts.answer('/inside', (response) => response.writeHead(302, { location: 'https://127.0.0.1:1/text' }).end());
  texts.answer('/nowhere', (response) => response.writeHead(302).end());
  texts.answer('/broken', (response) => {
    response.writeHead(200, { 'content-length': TEXT.length });
    response.write('Sing', () => response.destroy());
  });
  const reasons: readonly (readonly [path: string, reason: string | RegExp])[] = [
    ['/missing', `${NAME} answers with status 404`],
    ['/larger', `it is larger than ${BYTES_MAX} bytes`],
    ['/ring', `${NAME} redirects more than 5 times`],
    ['/plain', `${NAME} redirects to what is no HTTPS`],
    ['/inside', /^127\.0\.0\.1 may not be asked: the address is a loopback address/],
    ['/nowhere', `${NAME} answers with status 302`],
    ['/broken', /^the connection fails: /],
  ];
  for (const [path, reason] of reasons) {
    const failed = await seedsIn(folder)
      .fetch('a.txt', at(path))
      .catch((thrown: unknown) => thrown);
    expect(failed, path).toBeInstanceOf(SeedNotFetched);
    expect((failed as Error).message, path).toMatch(reason);
    expect(left(), path).toEqual(['seeds']);
  }
});

test('what a killed process left goes with the next text; what others are at stays', async () => {
  texts.answer('/text', (response) => response.end(TEXT));
  mkdirSync(join(folder, 'seeds'));
  for (const name of ['.old.1.part', '.new.1.part', 'old.part']) writeFileSync(join(folder, 'seeds', name), 'half');
  const longAgo = new Date(Date.now() - 2 * 3_600_000);
  for (const name of ['.old.1.part', 'old.part']) utimesSync(join(folder, 'seeds', name), longAgo, longAgo);
  await seedsIn(folder).fetch('iliad.txt', at('/text'));
  expect(left()).toEqual(['seeds', 'seeds/.new.1.part', 'seeds/iliad.txt', 'seeds/old.part']);
});

test('a certificate has to be of the name that was asked', async () => {
  const other = { allow: [], pins: [texts.pin.replace(NAME, 'other.example.org')], ca: texts.certificate };
  const seeds = seedTexts(folder, (url) =>
    download(url, { outbound: openOutbound(other), bytesMax: 1, signal: AbortSignal.timeout(60_000) }),
  );
  await expect(seeds.fetch('a.txt', new URL('https://other.example.org/text'))).rejects.toThrow(
    'the connection fails: ERR_TLS_CERT_ALTNAME_INVALID',
  );
  expect(left()).toEqual(['seeds']);
});

test('it ends when its time is up, before an answer and amid one', async () => {
  texts.answer('/silent', () => undefined);
  const begun = Promise.withResolvers<void>();
  texts.answer('/slow', (response) => {
    response.write('Sing', () => begun.resolve());
  });
  const time = new AbortController();
  const seeds = seedsIn(folder, time.signal);
  const failed = Promise.all(
    ['/silent', '/slow'].map((path) => seeds.fetch('a.txt', at(path)).catch((thrown: Error) => thrown.message)),
  );
  await begun.promise;
  time.abort();
  expect(await failed).toEqual(['it takes too long', 'it takes too long']);
  expect(left()).toEqual(['seeds']);
});

test('nothing is written where links lead out of the folder, nor where there is none', async () => {
  const outside = mkdtempSync(join(tmpdir(), 'nexus-outside-'));
  const root = join(folder, 'corpus');
  mkdirSync(root);
  symlinkSync(outside, join(root, 'seeds'));
  writeFileSync(join(outside, 'b.txt'), 'secret');
  const seeds = seedsIn(root);
  expect(await seeds.find('b.txt')).toBeUndefined();
  await expect(seeds.fetch('a.txt', at('/text'))).rejects.toThrow('seeds leads out of the corpus folder');
  expect(readdirSync(outside)).toEqual(['b.txt']);
  rmSync(outside, { recursive: true });
  expect(await seedsIn(join(folder, 'none')).exists()).toBe(false);
});
