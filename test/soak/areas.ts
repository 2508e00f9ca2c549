/**
 * What callers do to a server all day, area by area: each `one(n)` is a few calls that belong together and leave behind as much
 * as they found, so that a server which holds more and more holds what it should have let go.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Caller } from './caller.ts';

export interface Area {
  readonly name: string;
  one(caller: Caller, n: number): Promise<unknown>;
}

/** Paths, agents and the like that are used again and again. */
const PLACES = 200;
const SIZES = [20, 2_000, 30_000, 120_000];
const UPLOAD_BYTES = 70_000;
const JOB_LOOKS = 200;

const pathOf = (n: number): string => `/soak/${n % 10}/${n % PLACES}.txt`;
const textOf = (n: number): string =>
  `line ${n} of a soak\n`.repeat(Math.ceil((SIZES[n % 37 === 0 ? 3 : n % 3] ?? 0) / 18));

async function files({ rpc, call }: Caller, n: number): Promise<void> {
  await rpc('write', { path: pathOf(n), content: textOf(n), metadata: { n } });
  await rpc('read', { path: pathOf(n * 7), encoding: 'utf-8' });
  await rpc('edit', { path: pathOf(n), edits: [[`line ${n} `, `row ${n} `]] });
  await rpc('append', { path: pathOf(n), content: 'more\n' });
  await rpc('rename', { old_path: pathOf(n), new_path: pathOf(n + 1), overwrite: true });
  await rpc('copy', { src_path: pathOf(n * 11), dst_path: pathOf(n), overwrite: true });
  await call('PUT', `/api/v2/files${pathOf(n * 3)}`, { body: textOf(n), type: 'text/plain' });
  await call('GET', `/api/v2/files${pathOf(n * 3)}`);
  await rpc('delete', { path: pathOf(n * 13) });
}

async function search({ rpc }: Caller, n: number): Promise<void> {
  await rpc('list', { path: '/soak', recursive: true, details: n % 2 === 0, limit: 50 });
  await rpc('glob', { pattern: `/soak/${n % 10}/*7*.txt` });
  await rpc('grep', { pattern: `line ${n % 1000} `, path: `/soak/${n % 10}`, limit: 10 });
  await rpc('list_versions', { path: pathOf(n), limit: 10 });
}

async function access({ rpc }: Caller, n: number): Promise<void> {
  const subject = ['user', `soak-${n % PLACES}`];
  const object = ['file', pathOf(n)];
  const made = await rpc('rebac_create', { subject, relation: 'direct_viewer', object });
  await rpc('rebac_check', { subject, permission: 'read', object });
  await rpc('rebac_explain', { subject, permission: 'write', object });
  await rpc('rebac_delete', { tuple_id: (made as { tuple_id?: string } | undefined)?.tuple_id ?? 'none' });
}

async function keys({ call }: Caller, n: number): Promise<void> {
  const made = await call('POST', '/api/v2/auth/keys', { json: { name: `soak ${n}`, role: 'viewer' } });
  const { key, key_id } = made as { key: string; key_id: string };
  await call('GET', '/api/auth/whoami', { key });
  await call('DELETE', `/api/v2/auth/keys/${key_id}`);
  await call('GET', '/api/auth/whoami', { key });
}

async function jobs({ call }: Caller, n: number): Promise<void> {
  const task = { executor: 'nexus', task_type: 'echo', payload: { value: n } };
  const { id } = (await call('POST', '/api/v2/scheduler/submit', { json: task })) as { id: string };
  for (let looks = 0; looks < JOB_LOOKS; looks++) {
    const { status } = (await call('GET', `/api/v2/scheduler/task/${id}`)) as { status: string };
    if (status === 'completed') return;
    await sleep(20);
  }
  throw new Error(`job ${id} does not end`);
}

async function events({ call, listen }: Caller, n: number): Promise<void> {
  const heard = listen();
  await call('POST', '/api/v2/events', { json: { type: 'app.soak', data: { n } } });
  await call('GET', '/api/v2/events?limit=20');
  (await heard)();
}

async function uploads({ call }: Caller, n: number): Promise<void> {
  const tus = { 'tus-resumable': '1.0.0' };
  const body = Buffer.alloc(UPLOAD_BYTES, n % 256);
  const path = Buffer.from(`/soak/uploads/${n % PLACES}.bin`).toString('base64');
  const made = { ...tus, 'upload-length': String(body.length), 'upload-metadata': `path ${path}` };
  const { location } = (await call('POST', '/api/v2/uploads', { headers: made })) as { location: string };
  const half = UPLOAD_BYTES / 2;
  for (const offset of [0, half]) {
    const headers = { ...tus, 'upload-offset': String(offset) };
    await call('PATCH', location, {
      headers,
      body: body.subarray(offset, offset + half),
      type: 'application/offset+octet-stream',
    });
  }
}

async function agents({ call }: Caller, n: number): Promise<void> {
  const agent_id = `soak,a${n % PLACES}`;
  await call('POST', '/api/v2/agents', { json: { agent_id, name: 'soak', capabilities: ['soak'] } });
  await call('POST', `/api/v2/agents/${agent_id}/heartbeat`, { json: { activity: 'soaking' } });
  await call('GET', '/api/v2/agents?limit=20');
  await call('DELETE', `/api/v2/agents/${agent_id}`);
}

async function views({ call }: Caller): Promise<void> {
  await call('GET', '/api/v2/audit?limit=20');
  await call('GET', '/metrics/prometheus');
  await call('GET', '/health');
}

/** What clients get wrong. */
async function mistakes({ call, rpc }: Caller, n: number): Promise<void> {
  await rpc('read', { path: `/elsewhere/${n}` });
  await rpc('write', { path: '/soak/../x', content: '' });
  await call('POST', '/api/nfs/write', { body: `{"params":{"path":"/soak/${n}`, type: 'application/json' });
  await call('GET', '/api/auth/whoami', { key: `sk-wrong-${n % PLACES}` });
  await call('GET', `/nowhere/${n}`);
}

export const AREAS: readonly Area[] = Object.entries({
  files,
  search,
  access,
  keys,
  jobs,
  events,
  uploads,
  agents,
  views,
  mistakes,
}).map(([name, one]) => ({ name, one }));
