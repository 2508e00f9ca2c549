/** What the tests of files over REST share. */
import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { TestServer } from './harness.ts';

export const SMALL = Buffer.from('0123456789');

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
export const url = (path: string): string => `/api/v2/files${path}`;

/** The fault code of a failed call, whose body has to be as files.md §2 says. */
export async function faultOf(answer: Response): Promise<string> {
  const { error, detail, request_id } = (await answer.json()) as {
    error: { code: string; message: string };
    detail: string;
    request_id: string;
  };
  expect(detail).toBe(error.message);
  expect(request_id).toBe(answer.headers.get('x-request-id'));
  return error.code;
}

export const spoolsLeft = (server: TestServer): string[] => readdirSync(join(server.config.DATA_DIR, 'blobs', 'spool'));
