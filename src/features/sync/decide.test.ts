/** The rules of sync, compared with what the contract says in words. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { asidePath } from './aside.ts';
import { baseAfter, decide, lostBy, RESOLUTIONS, remoteByTag, type Side, settlementOf } from './decide.ts';

describe('three sides of a path', () => {
  test.each([
    ['nothing changed', 'a', 'a', 'a', 'agree'],
    ['ours changed', 'b', 'a', 'a', 'push'],
    ['ours is new', 'b', null, null, 'push'],
    ['ours is gone', null, 'a', 'a', 'push'],
    ['theirs changed', 'a', 'b', 'a', 'pull'],
    ['theirs is new', null, 'b', null, 'pull'],
    ['theirs is gone', 'a', null, 'a', 'pull'],
    ['both changed alike', 'b', 'b', 'a', 'agree'],
    ['both are gone', null, null, 'a', 'agree'],
    ['both are new and alike', 'b', 'b', null, 'agree'],
    ['both changed', 'b', 'c', 'a', 'conflict'],
    ['both are new', 'b', 'c', null, 'conflict'],
    ['ours is gone, theirs changed', null, 'b', 'a', 'conflict'],
    ['theirs is gone, ours changed', 'b', null, 'a', 'conflict'],
    ['nobody knows what was agreed', 'b', 'c', undefined, 'conflict'],
    ['nobody knows, and both are alike', 'b', 'b', undefined, 'agree'],
  ] as const)('%s', (_what, local, remote, base, decision) => {
    expect(decide({ local, remote, base })).toBe(decision);
  });

  test('neither side is favoured, and what is decided holds when it is done', () => {
    const side = fc.constantFrom<Side>(null, 'a', 'b', 'c');
    const mirrored = { agree: 'agree', push: 'pull', pull: 'push', conflict: 'conflict' } as const;
    fc.assert(
      fc.property(side, side, side, (local, remote, base) => {
        const decision = decide({ local, remote, base });
        expect(decide({ local: remote, remote: local, base })).toBe(mirrored[decision]);
        const after = decision === 'push' ? local : decision === 'pull' ? remote : undefined;
        if (after !== undefined) expect(decide({ local: after, remote: after, base: after })).toBe('agree');
      }),
    );
  });
});

describe('a resolution', () => {
  test.each([
    ['keep_local', 'a', 'b', 'push', 'remote'],
    ['keep_local', null, 'b', 'push', 'remote'],
    ['keep_remote', 'a', 'b', 'pull', 'local'],
    ['keep_remote', 'a', null, 'pull', 'local'],
    ['keep_both', 'a', 'b', 'aside', null],
    ['keep_both', null, 'b', 'pull', 'local'],
    ['keep_both', 'a', null, 'push', 'remote'],
  ] as const)('%s of %s and %s is %s', (resolution, local, remote, settlement, lost) => {
    expect(settlementOf(resolution, { local, remote })).toBe(settlement);
    expect(lostBy(settlement)).toBe(lost);
  });

  test('of both never drops a content', () => {
    const side = fc.constantFrom<Side>(null, 'a', 'b');
    fc.assert(
      fc.property(side, side, fc.constantFrom(...RESOLUTIONS), (local, remote, resolution) => {
        fc.pre(local !== remote);
        const lost = lostBy(settlementOf(resolution, { local, remote }));
        const dropped = lost === 'local' ? local : lost === 'remote' ? remote : null;
        if (resolution === 'keep_both') expect(dropped).toBe(null);
      }),
    );
  });
});

describe('what fingerprints tell', () => {
  const base = { tag: '1', etag: 'a' };
  test.each([
    [null, undefined, undefined, 'as remembered'],
    [base, { tag: '1' }, undefined, 'as remembered'],
    [base, { tag: '2' }, undefined, 'read'],
    [null, { tag: '1' }, undefined, 'read'],
    [base, undefined, undefined, 'gone'],
    [base, undefined, 'b', 'gone'],
    [base, undefined, null, 'as attempted'],
  ] as const)('%j, %j, tried %j', (remembered, now, attempt, told) => {
    expect(remoteByTag(remembered, now, attempt)).toBe(told);
  });

  test('what was on its way and has arrived is no change of the store', () => {
    expect(decide({ local: 'c', remote: 'b', base: baseAfter('a', 'b', 'b') })).toBe('push');
    expect(decide({ local: 'c', remote: null, base: baseAfter('a', null, null) })).toBe('push');
    expect(decide({ local: 'c', remote: 'x', base: baseAfter('a', 'x', 'b') })).toBe('conflict');
    expect(decide({ local: 'c', remote: 'x', base: baseAfter('a', 'x', undefined) })).toBe('conflict');
  });
});

describe('a name aside', () => {
  const at = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
  const aside = { at, nameBytes: 255 };
  test.each([
    ['/m/report.txt', '/m/report (conflict 20260102T030405Z).txt'],
    ['/report', '/report (conflict 20260102T030405Z)'],
    ['/m/.env', '/m/.env (conflict 20260102T030405Z)'],
    ['/m/a.tar.gz', '/m/a.tar (conflict 20260102T030405Z).gz'],
    ['/m/dot.', '/m/dot (conflict 20260102T030405Z).'],
  ])('%s', (path, name) => expect(asidePath(path, aside)).toBe(name));

  test('counts on where it is taken, and is no longer than a name may be', () => {
    expect(asidePath('/m/a.txt', { ...aside, taken: 1 })).toBe('/m/a (conflict 20260102T030405Z 2).txt');
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 400 }), (name) => {
        const path = `/m/${name.replaceAll(/[/\0]/g, '-')}`;
        const made = asidePath(path, aside);
        expect(Buffer.byteLength(made.slice(3))).toBeLessThanOrEqual(255);
        expect(made.isWellFormed()).toBe(path.isWellFormed());
        expect(made).toContain(' (conflict 20260102T030405Z)');
      }),
    );
  });
});
