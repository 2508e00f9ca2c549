/**
 * Uploads to a server that is killed at any byte: `node test/crash/uploads.ts [--uploads 500] [--at-once 20] [--most BYTES]
 * [--seed N]`. The seed gives the bytes, how they are cut, and behind which byte each server is killed. Guarantees that it
 * checks: after a restart no upload is behind what was acknowledged, bytes that were acknowledged are never sent again,
 * each file that comes of it has exactly its bytes, and every blob on the disk those of its name, whether a file names it or not.
 */
import { strict as assert } from 'node:assert';
import { createCipheriv, createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { BYTES, base64, TusClient } from '../tus/client.ts';
import { type Chance, chanceOf, upTo } from './acts.ts';
import { ADMIN_KEY, buildProgram, type Child, type Program, startChild } from './program.ts';

const ROOT = '/api/v2/uploads';

export interface CampaignResult {
  readonly uploads: number;
  readonly kills: number;
  /** Bytes whose sender heard nothing of them and that were there all the same. */
  readonly savedUnheard: number;
}

interface One {
  readonly chance: Chance;
  readonly bytes: Buffer;
  readonly path: string;
  url: string | undefined;
  acknowledged: number;
  done: boolean;
}

export interface CampaignOptions {
  readonly uploads: number;
  /** Uploads at a time. */
  readonly atOnce: number;
  /** Most bytes of one. */
  readonly most: number;
  /** More settings of the servers. */
  readonly settings?: Program['settings'];
  /** Milliseconds that a server lives at most, however few bytes it has been sent. */
  readonly life?: number;
  readonly seed: number;
  /** Told of each batch that ended. */
  readonly told?: (uploads: number, result: CampaignResult) => void;
}

/** When the server is killed: by the bytes that it was sent, and by time while it is sent none. */
class Ending {
  now = false;
  readonly come: Promise<void>;
  private left: number;
  private end: () => void = () => undefined;

  constructor(bytes: number) {
    this.left = bytes;
    this.come = new Promise((resolve) => {
      this.end = resolve;
    });
  }

  sent(bytes: number): void {
    this.left -= bytes;
    if (this.left <= 0) this.end();
  }
}

export async function uploadCampaign(options: CampaignOptions): Promise<CampaignResult> {
  const program = { ...buildProgram(), settings: options.settings };
  const result = { uploads: options.uploads, kills: 0, savedUnheard: 0 };
  try {
    for (let begun = 0; begun < options.uploads; begun += options.atOnce) {
      const count = Math.min(options.atOnce, options.uploads - begun);
      const batch = Array.from({ length: count }, (_, i) => newUpload(begun + i, options));
      const chance = chanceOf(options.seed + begun);
      const { kills, savedUnheard } = await runBatch(program, batch, { chance, life: options.life ?? 4_000 });
      result.kills += kills;
      result.savedUnheard += savedUnheard;
      options.told?.(begun + count, result);
    }
    return result;
  } finally {
    program.remove();
  }
}

/** In a data directory of its own, so that creations nobody heard of count against no limit. */
async function runBatch(
  program: Program,
  batch: readonly One[],
  { chance, life }: { readonly chance: Chance; readonly life: number },
): Promise<Omit<CampaignResult, 'uploads'>> {
  const directory = mkdtempSync(join(tmpdir(), 'nexus-uploads-'));
  let kills = 0;
  let savedUnheard = 0;
  try {
    while (batch.some(({ done }) => !done)) {
      const server = await startChild(program, { directory });
      const client = clientOf(server);
      for (const one of batch) savedUnheard += await catchUp(client, one);
      const left = batch.reduce((sum, { bytes, acknowledged }) => sum + bytes.length - acknowledged, 0);
      // The first soon, so that there is one; of the later ones a third get to the end of all bytes.
      const ending = new Ending(upTo(chance, (kills === 0 ? left / 10 : left * 1.5) + 1));
      const work = Promise.all(batch.map((one) => carryOn(client, one, ending)));
      const killed = await Promise.race([
        work.then(() => false),
        ending.come.then(() => true),
        sleep(5 + upTo(chance, life)).then(() => true),
      ]);
      ending.now = true;
      if (killed) kills++;
      await server.kill();
      await work;
    }
    const server = await startChild(program, { directory });
    for (const one of batch) await checkFile(server.url, one);
    await server.kill();
    checkBlobs(directory);
    return { kills, savedUnheard };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const clientOf = ({ url }: Child): TusClient => new TusClient(url + ROOT, { authorization: `Bearer ${ADMIN_KEY}` });

function newUpload(n: number, { most, seed }: CampaignOptions): One {
  const chance = chanceOf(seed * 100_003 + n);
  const size = upTo(chance, upTo(chance, 4) === 0 ? 5_000 : most);
  return {
    chance,
    bytes: bytesOf(seed, n, size),
    path: `/crash/${n}.bin`,
    url: undefined,
    acknowledged: 0,
    done: false,
  };
}

/** Bytes that no other upload of any seed has. */
function bytesOf(seed: number, n: number, size: number): Buffer {
  const key = createHash('sha256').update(`${seed} ${n}`).digest();
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(size));
}

/** Where it stands now: never behind what was acknowledged. Gives what was saved though nobody heard of it. */
async function catchUp(client: TusClient, one: One): Promise<number> {
  if (one.url === undefined || one.done) return 0;
  const { status, headers } = await client.head(one.url);
  assert.equal(status, 200, `${one.path}: HEAD is ${status}`);
  const offset = Number(headers['upload-offset']);
  assert(offset >= one.acknowledged, `${one.path}: at ${offset}, and ${one.acknowledged} were acknowledged`);
  assert(offset <= one.bytes.length, `${one.path}: at ${offset} of ${one.bytes.length}`);
  const unheard = offset - one.acknowledged;
  one.acknowledged = offset;
  return unheard;
}

async function carryOn(client: TusClient, one: One, ending: Ending): Promise<void> {
  try {
    one.url ??= await client.begin(one.bytes.length, { 'upload-metadata': `path ${base64(one.path)}` });
    while (!one.done && !ending.now) await sendSome(client, one, ending);
  } catch (thrown) {
    // The server was killed meanwhile; anything else is a finding.
    if (!ending.now) throw thrown;
  }
}

/** One PATCH of any size, as slowly as a network is. */
async function sendSome(client: TusClient, one: One, ending: Ending): Promise<void> {
  const { bytes, acknowledged, chance } = one;
  const left = bytes.length - acknowledged;
  const size = upTo(chance, 3) === 0 ? left : upTo(chance, left + 1);
  const status = await patch(client, one, { body: bytes.subarray(acknowledged, acknowledged + size), ending });
  assert.equal(status, 204, `${one.path}: PATCH at ${acknowledged} is ${status}`);
  one.acknowledged += size;
  one.done = one.acknowledged === bytes.length;
}

interface Sending {
  readonly body: Buffer;
  readonly ending: Ending;
}

function patch(client: TusClient, one: One, { body, ending }: Sending): Promise<number> {
  const { chance } = one;
  return new Promise((resolve, reject) => {
    const sent = request(new URL(one.url ?? '', client.url), {
      method: 'PATCH',
      agent: false,
      headers: {
        authorization: `Bearer ${ADMIN_KEY}`,
        'tus-resumable': '1.0.0',
        'content-type': BYTES,
        'upload-offset': String(one.acknowledged),
        'content-length': String(body.length),
      },
    });
    sent.on('response', (response) => {
      response.resume().on('end', () => resolve(response.statusCode ?? 0));
      response.on('error', reject);
    });
    sent.on('error', reject);
    const send = async (): Promise<void> => {
      for (let at = 0, part = 1 + upTo(chance, 60_000); at < body.length; at += part) {
        if (sent.destroyed) return;
        ending.sent(Math.min(part, body.length - at));
        if (!sent.write(body.subarray(at, at + part)) || upTo(chance, 8) === 0) await sleep(1);
      }
      sent.end();
    };
    send().catch(reject);
  });
}

async function checkFile(url: string, { path, bytes }: One): Promise<void> {
  const answer = await fetch(`${url}/api/v2/files${path}`, { headers: { authorization: `Bearer ${ADMIN_KEY}` } });
  assert.equal(answer.status, 200, `${path}: GET is ${answer.status}`);
  const content = Buffer.from(await answer.arrayBuffer());
  assert(content.equals(bytes), `${path}: ${content.length} bytes that are not the ${bytes.length} that were sent`);
  const etag = createHash('sha256').update(bytes).digest('hex');
  assert.equal(answer.headers.get('etag'), `"${etag}"`, `${path}: etag`);
  assert.equal(answer.headers.get('x-nexus-version'), '1', `${path}: a version for each time it became a file`);
}

/** Of a store in the data directory. */
function checkBlobs(directory: string): void {
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !/^[0-9a-f]{64}$/.test(entry.name)) continue;
    const sha256 = createHash('sha256')
      .update(readFileSync(join(entry.parentPath, entry.name)))
      .digest('hex');
    assert.equal(sha256, entry.name, 'a blob has other bytes than its name says');
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      uploads: { type: 'string', default: '500' },
      'at-once': { type: 'string', default: '20' },
      most: { type: 'string', default: '2000000' },
      seed: { type: 'string', default: '1' },
    },
  });
  const options = {
    uploads: Number(values.uploads),
    atOnce: Number(values['at-once']),
    most: Number(values.most),
    seed: Number(values.seed),
  };
  const began = performance.now();
  const result = await uploadCampaign({
    ...options,
    told: (done, { kills }) => console.error(`${done} uploads, ${kills} kills`),
  });
  console.log(JSON.stringify({ ...options, ...result, seconds: Math.round((performance.now() - began) / 1000) }));
}

if (import.meta.main) await main();
