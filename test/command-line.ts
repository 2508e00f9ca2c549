/** The command line in tests: typed in this process, or as processes of their own in a folder of theirs. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runLine } from '../src/channels/cli/run-line.ts';
import { ADMIN_KEY, type TestServer } from './harness.ts';
import type { Surroundings } from './nexus-process.ts';

export interface Typing {
  readonly json?: boolean;
  readonly color?: boolean;
  readonly key?: string;
}

/** What is written for a line, and its exit code. */
export async function typeLine(
  { url }: TestServer,
  line: readonly string[],
  { json = false, color = false, key = ADMIN_KEY }: Typing = {},
): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  const written = { out: '', err: '' };
  const code = await runLine(line, {
    settings: { url, key, zone: undefined, configHome: '/nonexistent', color },
    terminal: {
      json,
      color,
      out: (text) => {
        written.out += text;
      },
      err: (text) => {
        written.err += text;
      },
      bytes: async (bytes) => {
        written.out += Buffer.from(bytes).toString();
      },
    },
  });
  return { code, ...written };
}

export interface Place {
  readonly directory: string;
  /** Where commands run, as admin of the server. */
  readonly around: Surroundings;
  remove(): void;
}

export function openPlace({ url }: TestServer): Place {
  const directory = mkdtempSync(join(tmpdir(), 'nexus-cli-'));
  const env = { NEXUS_URL: url, NEXUS_API_KEY: ADMIN_KEY, XDG_CONFIG_HOME: directory };
  return {
    directory,
    around: { cwd: directory, env },
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}
