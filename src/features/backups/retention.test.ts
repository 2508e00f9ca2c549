/** Which backups stay, and that what goes takes nothing of the others with it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openDiskDepot } from '../../engines/disk/disk-depot.ts';
import { scratchIn } from '../../engines/disk/scratch.ts';
import type { Depot } from '../../ports/depot.ts';
import { compressInto } from './lines.ts';
import { backupIdOf, getManifest, listShelved, type Manifest, noteBegun, putManifest } from './manifest.ts';
import { packOf, sourceOf, unpack } from './pack.ts';
import { expired } from './plan.ts';
import { removeBackups } from './retention.ts';
import { verifyBackup } from './verify.ts';

const DAY_MS = 86_400_000;
const NOW = Date.UTC(2030, 5, 1);
const aged = (days: number) => {
  const at = NOW - days * DAY_MS;
  return { id: backupIdOf(at, 'aaaaaaaa'), at: new Date(at).toISOString() };
};

describe('expiry', () => {
  const idsOf = (...days: number[]): string[] => days.map((day) => aged(day).id);
  test.each([
    [[0, 5, 10], 7, [10]],
    [[0, 5, 10], 1, [5, 10]],
    [[30, 40], 7, [40]],
    [[30], 1, []],
    [[], 1, []],
  ])('of backups of %j days, kept for %i, %j goes', (days, retention_days, gone) => {
    const made = days.map((day) => ({ ...aged(day), reason: 'asked' as const }));
    expect(expired(made.reverse(), { retention_days }, NOW)).toEqual(idsOf(...gone));
  });

  test('spares the newest that is no safety backup too', () => {
    const made = [30, 40].map((day) => ({ ...aged(day), reason: 'schedule' as const }));
    const safety = [10, 20].map((day) => ({ ...aged(day), reason: 'safety' as const }));
    expect(expired([...made, ...safety], { retention_days: 7 }, NOW)).toEqual(idsOf(20, 40));
  });
});

test('a pack gives its contents back, and tells where one is another', () => {
  const contents = ['', 'a', 'bb', 'ü\n'].map((text) => Buffer.from(text));
  const packed = contents.map((bytes) => ({ sha256: sourceOf(bytes).sha256, bytes }));
  const read = async () => {
    const pieces = [];
    const pack = packOf(packed);
    for await (const piece of pack.read(0, pack.size)) pieces.push(piece);
    return Buffer.concat(pieces);
  };
  return read().then((bytes) => {
    expect(unpack(bytes).map((one) => one.bytes)).toEqual(contents);
    bytes[bytes.length - 1] = 0;
    expect(() => unpack(bytes)).toThrow(/other bytes/);
  });
});

describe('in a depot', () => {
  const directory = mkdtempSync(join(tmpdir(), 'nexus-retention-'));
  const signal = new AbortController().signal;
  let depot: Depot;
  beforeAll(async () => {
    depot = await openDiskDepot(directory, 'keep');
  });
  afterAll(async () => {
    await depot.close();
    rmSync(directory, { recursive: true });
  });

  /** A backup that has these contents, and whose dump is its id. */
  async function make(days: number, contents: readonly string[]): Promise<Manifest> {
    const { id, at } = aged(days);
    const lines = async (text: string) => {
      const file = await scratchIn(directory)();
      const compressed = compressInto(file);
      await compressed.write(text);
      await compressed.end();
      const source = await file.finish();
      await depot.blobs.put(source);
      await file.remove();
      return { sha256: source.sha256, bytes: source.size };
    };
    const sources = contents.map((text) => sourceOf(Buffer.from(text)));
    for (const source of sources) await depot.blobs.put(source);
    const secrets = sourceOf(Buffer.from('{}'));
    await depot.blobs.put(secrets);
    const objects = sources.map(({ sha256, size }) => `${JSON.stringify(['blob', sha256, size])}\n`).join('');
    const manifest: Manifest = {
      ...{ id, at, version: 'test', schema: 1, revisions: {}, dump_bytes: id.length, rows: 0, blobs: contents.length },
      ...{ bytes: 1, sent_bytes: 1, took_ms: 1, reason: 'asked', dump_sha256: sourceOf(Buffer.from(id)).sha256 },
      parts: { dump: await lines(id), objects: await lines(objects), secrets: { sha256: secrets.sha256, bytes: 2 } },
    };
    await putManifest(depot, manifest);
    return manifest;
  }

  test('what another names stays, what nobody names goes, also of one that was cut short', async () => {
    await make(20, ['shared', 'of the old one']);
    const kept = await make(2, ['shared', 'of the new one']);
    await noteBegun(depot, backupIdOf(NOW, 'bbbbbbbb'));
    const left = sourceOf(Buffer.from('sent by one that was killed'));
    await depot.blobs.put(left);
    const choose = (manifests: readonly Manifest[]) => expired(manifests, { retention_days: 7 }, NOW);
    // Its dump and its list, its own content, and that of the one without an end.
    expect(await removeBackups(depot, { choose, signal })).toEqual({ backups: 1, contents: 4 });
    expect(await listShelved(depot)).toEqual({ ids: [kept.id], begun: [] });
    expect(await verifyBackup(depot, kept, { signal })).toMatchObject({ objects: 5 });
    expect(await depot.blobs.has(left.sha256)).toBe(false);
    expect(await removeBackups(depot, { choose, signal })).toEqual({ backups: 0, contents: 0 });
    expect((await getManifest(depot, 'latest')).id).toBe(kept.id);
  });

  test('while a manifest cannot be read, no content goes', async () => {
    await make(30, ['of a damaged one']);
    await depot.documents.put(`${aged(30).id}.json`, 'nonsense\n');
    await make(25, ['of an old one']);
    const choose = (manifests: readonly Manifest[]) => expired(manifests, { retention_days: 7 }, NOW);
    expect(await removeBackups(depot, { choose, signal })).toEqual({ backups: 1, contents: 0 });
    expect(await depot.blobs.has(sourceOf(Buffer.from('of a damaged one')).sha256)).toBe(true);
  });
});
