/** Calls of grep, for its tests. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { TestServer } from './harness.ts';

export interface Asked {
  readonly pattern: string;
  readonly [parameter: string]: unknown;
}

/** `current` is asked for the server at each call. */
export function grepping(current: () => TestServer) {
  const write = (path: string, content: string | Uint8Array) =>
    current().ok('write', {
      path,
      ...(typeof content === 'string'
        ? { content }
        : { content: Buffer.from(content).toString('base64'), encoding: 'base64' as const }),
    });
  const whole = async (params: Asked, key?: string) => {
    const answer = await current().ok('grep', params, key);
    expect([answer.has_more, answer.next_cursor]).toEqual([false, null]);
    return answer;
  };
  /** `path:line`. */
  const grep = async (params: Asked, key?: string): Promise<string[]> =>
    (await whole(params, key)).matches.map(({ path, line }) => `${path}:${line}`);
  async function paged(asked: Asked): Promise<{ found: string[]; searched: number; pages: number }> {
    const found: string[] = [];
    let searched = 0;
    let pages = 0;
    for (let cursor: string | null | undefined; cursor !== null; pages++) {
      const { pattern, limit } = asked;
      const page = await current().ok('grep', cursor ? { pattern, limit, cursor } : asked);
      found.push(...page.matches.map(({ path, line }) => `${path}:${line}`));
      searched += page.files_searched;
      cursor = page.next_cursor;
    }
    return { found, searched, pages };
  }
  /** Waits until every content that can be is in the index. */
  async function indexed(): Promise<void> {
    const waiting = 'SELECT 1 AS one FROM unindexed_blobs LIMIT 1';
    while (await current().sql.read((tx) => tx.get(waiting))) await sleep(50);
  }

  return { write, whole, grep, paged, indexed };
}
