/** Documents that are made from the source are those that the source makes. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { API_FILE, apiDocument } from '../tools/api-docs.ts';
import { FIGURES_FILE, figuresDocument } from '../tools/figures-docs.ts';

test('docs/api.md is what the operations, faults, limits and settings say; else run: node tools/api-docs.ts', () => {
  expect(readFileSync(API_FILE, 'utf8')).toBe(apiDocument());
});

test('docs/metrics.md is what the tables of metrics and log lines say; else run: node tools/figures-docs.ts', () => {
  expect(readFileSync(FIGURES_FILE, 'utf8')).toBe(figuresDocument());
});
