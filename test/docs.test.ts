/** Documents that are made from the source are those that the source makes. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { API_FILE, apiDocument } from '../tools/api-docs.ts';
import { FIGURES_FILE, figuresDocument } from '../tools/figures-docs.ts';

const ROOT = join(import.meta.dirname, '..');

test('docs/api.md is what the operations, faults, limits and settings say; else run: node tools/api-docs.ts', () => {
  expect(readFileSync(API_FILE, 'utf8')).toBe(apiDocument());
});

test('docs/metrics.md is what the tables of metrics and log lines say; else run: node tools/figures-docs.ts', () => {
  expect(readFileSync(FIGURES_FILE, 'utf8')).toBe(figuresDocument());
});

test('the data model of ARCHITECTURE.md has every table that the migrations make, and README.md every page', () => {
  const sql = globSync('migrations/*.sql', { cwd: ROOT }).map((file) => readFileSync(join(ROOT, file), 'utf8'));
  const tables = (statement: RegExp): string[] =>
    sql.flatMap((text) => [...text.matchAll(statement)].map(([, name = '']) => name));
  const dropped = tables(/DROP TABLE (?:IF EXISTS )?(\w+)/g);
  const made = tables(/CREATE TABLE (?:IF NOT EXISTS )?(\w+)/g).filter((name) => !dropped.includes(name));
  const [, model = ''] = readFileSync(join(ROOT, 'ARCHITECTURE.md'), 'utf8').split('## Data model');
  const rows = model.split('\n## ')[0]?.match(/^\| `.*? \|/gm) ?? [];
  const told = rows.flatMap((row) => [...row.matchAll(/`(\w+)`/g)].map(([, name = '']) => name));
  expect(told.sort()).toEqual([...new Set(made)].sort());
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
  const pages = globSync('docs/*.md', { cwd: ROOT });
  expect(pages.filter((page) => !readme.includes(`| [${page}](${page})`))).toEqual([]);
});
