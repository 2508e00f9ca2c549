/** Bodies that wait are bounded for each zone, and what a killed process left of them goes at the next start. */
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { url as putUrl } from '../../test/file-bytes.ts';
import { ADMIN_KEY, startTestServer, type TestServer } from '../../test/harness.ts';
import { openSocket, readAnswer, wire } from '../../test/raw-http.ts';
import { defaultLimits } from '../base/limits.ts';
import { loadConfig } from '../config.ts';
import { openSpools } from './spools.ts';

const KiB = 1024;
const MAXIMUM = 1024 * KiB;
/** Files of a spool directory, with their ages in seconds. */
const LEFT = [
  { name: 'spool-old', age: 3600 },
  { name: 'spool-new', age: 0 },
  { name: 'kept', age: 3600 },
];

test('a budget below the default one, and below the largest file, is warned of', () => {
  expect(defaultLimits.SPOOL_BYTES).toBe(4_294_967_296);
  const small = { NEXUS_LIMIT_SPOOL_BYTES: '1000', NEXUS_LIMIT_FILE_BYTES: '1000' };
  expect(loadConfig({ environment: small }).warnings).toEqual([]);
  expect(loadConfig({ environment: {} }).warnings).toEqual([]);
  const { warnings } = loadConfig({ environment: { NEXUS_LIMIT_SPOOL_BYTES: '1000' } });
  expect(warnings.map(({ message }) => message)).toEqual([expect.stringContaining('files larger than 1000 bytes')]);
});

/** Bytes in files without a name that this process holds open, by Linux's own account. */
function spooledBytes(server: TestServer): number {
  const open = readdirSync('/proc/self/fd').map((fd) => join('/proc/self/fd', fd));
  const ours = open.filter((path) => linkOf(path)?.startsWith(join(server.config.DATA_DIR, 'blobs', 'spool')));
  return ours.reduce((sum, path) => sum + (statSync(path, { throwIfNoEntry: false })?.size ?? 0), 0);
}

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    // The descriptor of the listing itself.
    return undefined;
  }
}

describe('a zone whose budget is used up', () => {
  let server: TestServer;
  beforeEach(async () => {
    server = await startTestServer({ environment: { NEXUS_LIMIT_SPOOL_BYTES: String(MAXIMUM) } });
  });
  afterEach(() => server.stop());

  const put = (key: string, body: Buffer): Promise<Response> =>
    server.http(putUrl('/in/small'), { method: 'PUT', headers: { authorization: `Bearer ${key}` }, body });

  test.runIf(process.platform === 'linux')(
    'is refused, others are not, and it goes on when there is room again',
    async () => {
      await server.addZone('calm');
      const calm = await server.addKey({ zone_id: 'calm', grants: [['direct_editor', '/in']] });
      const held = 768 * KiB;
      const socket = await openSocket(server.url);
      socket.write(wire(`PUT ${putUrl('/in/large')}`, [`Content-Length: ${held + 1}`]));
      socket.write(Buffer.alloc(held));
      await vi.waitFor(() => expect(spooledBytes(server)).toBe(held));
      const body = Buffer.alloc(300 * KiB);
      const refused = await put(ADMIN_KEY, body);
      expect(refused.status).toBe(503);
      expect(refused.headers.get('retry-after')).toBe('1');
      expect(await refused.json()).toMatchObject({ error: { data: { limit: 'SPOOL_BYTES', maximum: MAXIMUM } } });
      expect((await put(calm, body)).status).toBe(201);
      socket.write('x');
      expect((await readAnswer(socket)).status).toBe(201);
      socket.destroy();
      expect((await put(ADMIN_KEY, Buffer.alloc(MAXIMUM))).ok).toBe(true);
    },
  );
});

describe('at start', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'nexus-spools-'));
    for (const { name, age } of LEFT) {
      writeFileSync(join(directory, name), 'x');
      const at = Date.now() / 1000 - age;
      utimesSync(join(directory, name), at, at);
    }
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  test('all spools are leftovers where nobody else makes any', () => {
    openSpools({ directory, maximum: MAXIMUM, alone: true });
    expect(readdirSync(directory)).toEqual(['kept']);
  });

  test('those that another node may be opening stay where it shares the directory', () => {
    openSpools({ directory, maximum: MAXIMUM, alone: false });
    expect(readdirSync(directory).sort()).toEqual(['kept', 'spool-new']);
  });

  test('a server does so in its own directory', async () => {
    mkdirSync(join(directory, 'blobs', 'spool'), { recursive: true });
    writeFileSync(join(directory, 'blobs', 'spool', 'spool-left'), 'x');
    const server = await startTestServer({ engine: 'sqlite', directory });
    try {
      expect(readdirSync(join(directory, 'blobs', 'spool'))).toEqual([]);
    } finally {
      await server.stop();
    }
  });
});
