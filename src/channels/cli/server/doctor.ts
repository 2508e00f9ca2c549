/** `nexus doctor`: asks the running server what is truly active, and says how to mend what is not. */
import { NexusError, UnreachableError } from '../../../../client/errors.ts';
import { Transport } from '../../../../client/transport.ts';
import { parseJson } from '../../../base/parse-json.ts';
import type { CheckStatus } from '../../../features/content/check-status.operations.ts';
import type { WorkerList } from '../../../features/jobs/workers.operations.ts';
import type { Scene } from '../command.ts';
import { EXIT_UNREACHABLE } from '../explain.ts';
import { nodeFetch } from '../node-fetch.ts';
import { show } from '../show.ts';
import { paint } from '../terminal.ts';

interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
  readonly fix: string;
  /** No server answers at all. */
  readonly gone?: true;
}

/** Clocks further apart than this make expiries surprising. */
const CLOCK_SKEW_MS = 5_000;

interface Health {
  readonly service?: string;
  readonly status: string;
  readonly version: string;
  readonly components?: Readonly<
    Record<string, { readonly status: string; readonly detail?: string; readonly latency_ms?: number }>
  >;
}

export async function doctor(scene: Scene): Promise<number> {
  const transport = scene.transport();
  const { checks, health } = await reachable(transport);
  if (health) {
    const look = (name: string, probe: (to: Transport) => Promise<Check>) => guarded(name, () => probe(transport));
    checks.push(
      await look('permissions', keylessProbe),
      await look('key', keyProbe),
      await look('files', writeProbe),
      ...(await components(transport)),
      await look('bricks', bricks),
      await look('workers', workers),
      await look('backups', backups),
      await look('contents', contents),
    );
  }
  const ok = checks.every((check) => check.ok);
  if (scene.terminal.json) show(scene.terminal, { ok, checks: checks.map(({ gone: _gone, ...told }) => told) });
  else {
    for (const check of checks) {
      const mark = check.ok ? paint(scene.terminal, 'green', 'ok  ') : paint(scene.terminal, 'red', 'FAIL');
      scene.terminal.out(`${mark} ${check.name.padEnd(14)} ${check.detail}\n`);
      if (!check.ok) scene.terminal.out(`     ${' '.repeat(14)} → ${check.fix}\n`);
    }
  }
  if (checks.some((check) => check.gone)) return EXIT_UNREACHABLE;
  return ok ? 0 : 1;
}

interface Reached {
  readonly checks: Check[];
  /** undefined: what answers, if anything does, is no Nexus server. */
  readonly health: Health | undefined;
}

/** One that cannot serve says so by 503, and is looked at all the same. */
async function reachable(transport: Transport): Promise<Reached> {
  try {
    const response = await transport.send({ method: 'GET', path: '/health' });
    const health = parseJson(await response.text()) as Health;
    if (health.service !== 'nexus') throw new Error(`what answers, with HTTP ${response.status}, is something else`);
    const skew = Date.parse(response.headers.get('date') ?? '') - Date.now();
    const server = {
      name: 'server',
      ok: health.status === 'healthy',
      detail: `${transport.url}, version ${health.version}, ${health.status}`,
      fix: 'look at the components below',
    };
    const clock = {
      name: 'clock',
      ok: Math.abs(skew) < CLOCK_SKEW_MS,
      detail: `${Math.round(skew / 1000)} s from this machine's`,
      fix: 'set both clocks by NTP',
    };
    return { checks: [server, clock], health };
  } catch (thrown) {
    const gone = thrown instanceof UnreachableError;
    const detail = gone ? thrown.message : `no Nexus server answers at ${transport.url}: ${String(thrown)}`;
    const fix = gone ? 'start one with: nexus start' : 'look whether NEXUS_URL names the server';
    return { checks: [{ name: 'server', ok: false, detail, fix, ...(gone ? { gone } : {}) }], health: undefined };
  }
}

/** What the server refuses, since a part of it is away, is a check that fails. */
async function guarded(name: string, probe: () => Promise<Check>): Promise<Check> {
  try {
    return await probe();
  } catch (thrown) {
    if (!(thrown instanceof NexusError)) throw thrown;
    return { name, ok: false, detail: thrown.message, fix: 'mend the components above first' };
  }
}

/** A server that answers without a key protects nothing. */
async function keylessProbe(transport: Transport): Promise<Check> {
  const status = await statusOf(() => new Transport({ url: transport.url, fetch: nodeFetch }).rpc('list', {}));
  return {
    name: 'permissions',
    ok: status === 401,
    detail: `a call without a key gets ${status}`,
    fix: 'put no proxy in front that adds a key',
  };
}

async function keyProbe(transport: Transport): Promise<Check> {
  const who = (await transport.rest({ method: 'GET', path: '/api/auth/whoami' })) as {
    authenticated: boolean;
    subject_id?: string;
    zone_id?: string;
    role?: string;
  };
  const detail = who.authenticated ? `${who.subject_id}, role ${who.role}, zone ${who.zone_id}` : 'no working key';
  return { name: 'key', ok: who.authenticated, detail, fix: 'give a key with --key or NEXUS_API_KEY' };
}

/** A write that is read back and deleted says more than any status. */
async function writeProbe(transport: Transport): Promise<Check> {
  const path = `/.doctor-${process.pid}`;
  const began = performance.now();
  try {
    await transport.rpc('write', { path, content: path });
    const back = await transport.rpc('read', { path, encoding: 'utf-8' });
    await transport.rpc('delete', { path });
    return {
      name: 'files',
      ok: back === path,
      detail: `write, read, delete in ${Math.round(performance.now() - began)} ms`,
      fix: 'look at the log',
    };
  } catch (thrown) {
    if (!(thrown instanceof NexusError)) throw thrown;
    const denied = thrown.status === 401 || thrown.status === 403;
    return {
      name: 'files',
      ok: denied,
      detail: denied ? 'not tried: this key may not write at /' : thrown.message,
      fix: 'look at the log',
    };
  }
}

const FIXES: Readonly<Record<string, string>> = {
  sql: 'look whether the database that NEXUS_DATABASE_URL names is there',
  blobs: 'look whether the store that NEXUS_BLOBS_URL names is there, and has room',
  nodes: 'start what is down again, or take it off the list: nexus node remove ID',
};

async function components(transport: Transport): Promise<Check[]> {
  const response = await transport.send({ method: 'GET', path: '/health/detailed' });
  const health = parseJson(await response.text()) as Health;
  return Object.entries(health.components ?? {}).map(([name, part]) => ({
    name,
    ok: part.status === 'healthy' || part.status === 'ok',
    detail: [part.status, part.detail, part.latency_ms === undefined ? undefined : `${part.latency_ms} ms`]
      .filter(Boolean)
      .join(', '),
    fix: FIXES[name] ?? 'look at the log of the server',
  }));
}

/** One that is off was switched off by somebody: that is told, and is no failure. */
async function bricks(transport: Transport): Promise<Check> {
  const features = (await transport.rest({ method: 'GET', path: '/api/v2/features' })) as {
    readonly enabled_bricks: readonly string[];
    readonly disabled_bricks: readonly string[];
  };
  const { enabled_bricks: on, disabled_bricks: off } = features;
  const detail = off.length === 0 ? `all ${on.length} active` : `off: ${off.join(', ')}; nexus brick mount NAME`;
  return { name: 'bricks', ok: true, detail, fix: '' };
}

/** What only an admin of zone root may look at. */
async function ofServer(name: string, fix: string, look: () => Promise<Omit<Check, 'name'>>): Promise<Check> {
  try {
    return { name, ...(await look()) };
  } catch (thrown) {
    if (!(thrown instanceof NexusError)) throw thrown;
    const denied = thrown.status === 401 || thrown.status === 403;
    const detail = denied ? 'not looked at: they are for an admin of zone root' : thrown.message;
    return { name, ok: denied, detail, fix };
  }
}

/** Jobs that nobody takes wait without a word. */
const workers = (transport: Transport): Promise<Check> =>
  ofServer('workers', 'look at: nexus worker list', async () => {
    const list = (await transport.rest({ method: 'GET', path: '/api/v1/workers' })) as WorkerList;
    const active = list.workers.filter(({ status }) => status === 'active').length;
    const fix = 'start one: nexus worker, or a server with NEXUS_EMBEDDED_WORKER=true';
    return {
      ok: active > 0,
      detail: active === 0 ? 'none takes jobs' : `${active} ${active === 1 ? 'takes' : 'take'} jobs`,
      fix,
    };
  });

/** That none is made is told, and is no failure; that one failed, or is missing, is. */
const backups = (transport: Transport): Promise<Check> =>
  ofServer('backups', 'look at: nexus backup config', async () => {
    const fix = 'look at: nexus backup list';
    const get = (path: string) => transport.rest({ method: 'GET', path });
    const { backups: all, destination, overdue } = (await get('/api/v2/backups')) as BackupList;
    const { enabled } = (await get('/api/v2/backups/config')) as { readonly enabled: boolean };
    const none = enabled ? '' : '; none is scheduled: nexus backup configure';
    const [newest] = all.filter(({ reason, status }) => reason !== 'safety' && !/^(queued|running)$/.test(status));
    if (!newest) return { ok: !overdue, detail: `none at ${destination}${none}`, fix };
    const late = overdue ? ', and one that the schedule asked for is missing' : none;
    const detail = `the newest ${newest.status}, of ${newest.at}, at ${destination}${late}`;
    return { ok: newest.status === 'succeeded' && !overdue, detail, fix };
  });

const contents = (transport: Transport): Promise<Check> =>
  ofServer('contents', 'look at: nexus content status', async () => {
    const status = (await transport.rest({ method: 'GET', path: '/api/v2/contents/check' })) as CheckStatus;
    const { damaged_count, last_ended_at, share } = status;
    const far = `${Math.floor(share * 100)} % of this round`;
    const read = last_ended_at === null ? `not all were read again yet, ${far}` : `all were read by ${last_ended_at}`;
    const fix = 'see which files have them: nexus content status';
    return { ok: damaged_count === 0, detail: `${damaged_count} damaged; ${read}`, fix };
  });

interface BackupList {
  readonly backups: readonly { readonly status: string; readonly at: string; readonly reason?: string }[];
  readonly destination: string;
  readonly overdue: boolean;
}

async function statusOf(call: () => Promise<unknown>): Promise<number> {
  try {
    await call();
    return 200;
  } catch (thrown) {
    if (thrown instanceof NexusError) return thrown.status;
    throw thrown;
  }
}
