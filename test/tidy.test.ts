/**
 * The rules of the house, held against the repository. A breach is listed as `path:line what`. Each rule is also fed
 * small sources that break it, so none can go blind unnoticed.
 */
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { codeRules } from './tidy/code.ts';
import { documentRules } from './tidy/documents.ts';
import { floorRules } from './tidy/floors.ts';
import { readRepo, sampleRepo, type Tree } from './tidy/rule.ts';

const repo = readRepo(join(import.meta.dirname, '..'));

describe.each([...floorRules, ...codeRules, ...documentRules])('$says', ({ breaches, bad, good = [] }) => {
  test('holds', () => {
    expect(breaches(repo)).toEqual([]);
  });

  test('fails on what breaks it and on nothing else', () => {
    const found = (tree: Tree) => breaches(sampleRepo(tree)).length > 0;
    expect(bad.filter((tree) => !found(tree))).toEqual([]);
    expect(good.filter(found)).toEqual([]);
  });
});

test('the rules see the repository', () => {
  expect(repo.sources.map(({ path }) => path)).toContain('test/tidy.test.ts');
  expect(repo.documents.map(({ path }) => path)).toContain('CONTRIBUTING.md');
});
