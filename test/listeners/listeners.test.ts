/** The short form of campaign.ts. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { hear } from './listeners.ts';

test('whoever listens, however slowly, and comes again, has each event once and in order, kills in between', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'nexus-listeners-'));
  try {
    const heard = await hear({ directory, listeners: 60, before: 100, during: 400, kills: 1 });
    expect(heard.wrong).toEqual([]);
    expect(heard.acknowledged).toBeGreaterThan(500);
    expect(heard.given).toBeGreaterThanOrEqual(60 * heard.acknowledged);
    // All that were there when the server was killed came again.
    expect(heard.resumed).toBeGreaterThanOrEqual(60);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}, 120_000);
