/**
 * Do a denial and its time tell existing from missing (access.md §14)? Of each pair of requests 10,000 (`--calls`) are sent, in
 * random order on one connection; the answers have to be the same but for the name, and Mann and Whitney's test must not tell the
 * times apart.
 */
import { Agent, request } from 'node:http';
import { type BenchServer, type Child, startBenchServer } from './lib/child.ts';
import { median } from './lib/pairs.ts';

const CALLS = 10_000;
/** Of each of them before it is measured. */
const WARM = 250;
/** Standard deviations: by chance one comparison in 1,000 is above. */
const Z_MAX = 3.29;

interface Question {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: object;
}

interface Pair {
  readonly what: string;
  /** Names of equal length. */
  readonly existing: string;
  readonly missing: string;
  ask(name: string): Question;
}

const rpc = (method: string, params: object): Question => ({
  method: 'POST',
  path: `/api/nfs/${method}`,
  body: { params },
});

/** A file that is there and one that is not, seen by a call that is denied of both. */
const ofFile = (what: string, ask: Pair['ask']): Pair => ({
  what,
  existing: '/secret/is-there',
  missing: '/secret/is-not-0',
  ask,
});

/** Calls on one path. */
const FILE_CALLS: readonly (readonly [string, object])[] = [
  ['read', {}],
  ['write', { content: 'x' }],
  ['stat', {}],
  ['exists', {}],
  ['is_directory', {}],
  ['list_versions', {}],
  ['append', { content: 'x' }],
  ['edit', { edits: [['x', 'y']] }],
  ['delete', {}],
  ['mkdir', {}],
  ['rmdir', { recursive: true }],
  ['tree_snapshot_create', {}],
  ['share_with_user', { user_id: 'bob', relation: 'viewer' }],
];

/** Questions about another subject. */
const ABOUT_OTHERS = { subject: ['user', 'other'], permission: 'read' };

const PAIRS: readonly Pair[] = [
  ...FILE_CALLS.map(([method, params]) => ofFile(method, (path) => rpc(method, { ...params, path }))),
  ofFile('rename', (path) => rpc('rename', { old_path: path, new_path: '/bench/x' })),
  ofFile('copy', (path) => rpc('copy', { src_path: path, dst_path: '/bench/x' })),
  ofFile('a batch', (path) => rpc('stat_bulk', { paths: [path] })),
  ofFile('GET', (path) => ({ method: 'GET', path: `/api/v2/files${path}` })),
  ofFile('check of an object', (path) => rpc('rebac_check', { ...ABOUT_OTHERS, object: ['file', path] })),
  ofFile('explain of an object', (path) => rpc('rebac_explain', { ...ABOUT_OTHERS, object: ['file', path] })),
  ofFile('expand of an object', (path) => rpc('rebac_expand', { permission: 'read', object: ['file', path] })),
  { what: 'list', existing: '/secret', missing: '/secreT', ask: (path) => rpc('list', { path }) },
  {
    what: 'a path of another zone',
    existing: 'away',
    missing: 'nope',
    ask: (zone) => rpc('read', { path: `/zone/${zone}/x` }),
  },
  { what: 'a zone', existing: 'away', missing: 'nope', ask: (zone) => ({ method: 'GET', path: `/api/zones/${zone}` }) },
];

/** Things of another zone, which are not there for the caller. */
interface Away {
  readonly task: string;
  readonly key: string;
  readonly tuple: string;
}

const awayPairs = ({ task, key, tuple }: Away): readonly Pair[] => {
  const pair = (what: string, existing: string, ask: Pair['ask']): Pair => {
    const last = existing.endsWith('0') ? '1' : '0';
    return { what, existing, missing: existing.slice(0, -1) + last, ask };
  };
  return [
    pair('a job of another zone', task, (id) => ({ method: 'GET', path: `/api/v2/scheduler/task/${id}` })),
    pair('a key of another zone', key, (id) => ({ method: 'GET', path: `/api/v2/auth/keys/${id}` })),
    pair('a tuple of another zone', tuple, (tuple_id) => rpc('rebac_delete', { tuple_id })),
  ];
};

interface Answered {
  readonly status: number;
  readonly text: string;
  readonly ms: number;
}

function send(agent: Agent, { url, key }: BenchServer, { method, path, body }: Question): Promise<Answered> {
  const text = body === undefined ? '' : JSON.stringify(body);
  const headers = {
    authorization: `Bearer ${key}`,
    'content-length': Buffer.byteLength(text),
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
  };
  return new Promise((resolve, reject) => {
    const began = performance.now();
    const sent = request(url + path, { method, agent, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const ms = performance.now() - began;
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString(), ms });
      });
    });
    sent.on('error', reject);
    sent.end(text);
  });
}

/** How many standard deviations the sum of ranks of the first sample lies off what chance gives. */
function rankTest(a: readonly number[], b: readonly number[]): number {
  const all = [...a.map((ms) => ({ ms, first: true })), ...b.map((ms) => ({ ms, first: false }))];
  all.sort((x, y) => x.ms - y.ms);
  const sum = all.reduce((total, { first }, rank) => total + (first ? rank + 1 : 0), 0);
  const u = sum - (a.length * (a.length + 1)) / 2;
  const mean = (a.length * b.length) / 2;
  return (u - mean) / Math.sqrt((a.length * b.length * (a.length + b.length + 1)) / 12);
}

/** An answer without what differs from call to call, or is the name. */
const plain = ({ status, text }: Answered, name: string): string =>
  `${status} ${text.replaceAll(name, '<name>').replace(/"(?:request_id|call_id)":"[^"]*"/g, '')}`;

interface Comparing {
  readonly agent: Agent;
  readonly server: BenchServer;
  readonly calls: number;
}

async function compare({ agent, server, calls }: Comparing, pair: Pair): Promise<boolean> {
  const times: Record<'existing' | 'missing', number[]> = { existing: [], missing: [] };
  const answers = new Set<string>();
  const once = async (kind: 'existing' | 'missing'): Promise<number> => {
    const answer = await send(agent, server, pair.ask(pair[kind]));
    answers.add(plain(answer, pair[kind]));
    return answer.ms;
  };
  for (let n = 0; n < 2 * WARM; n++) await once(n % 2 === 0 ? 'existing' : 'missing');
  for (let n = 0; n < calls; n++) {
    const kind = Math.random() < 0.5 ? 'existing' : 'missing';
    times[kind].push(await once(kind));
  }
  const z = rankTest(times.existing, times.missing);
  const met = answers.size === 1 && Math.abs(z) <= Z_MAX;
  const shown = (kind: 'existing' | 'missing'): string => `${(median(times[kind]) * 1000).toFixed(0)} µs`;
  console.log(`denial of ${pair.what}: existing ${shown('existing')}, missing ${shown('missing')}, z ${z.toFixed(2)}`);
  if (answers.size > 1) console.log(`    answers differ: ${[...answers].join('\n    ')}`);
  console.log(`    answers ${answers.size === 1 ? 'equal' : 'DIFFER'}, |z| ≤ ${Z_MAX}: ${met ? 'met' : 'NOT MET'}`);
  return met;
}

async function prepare({ url, adminKey }: BenchServer): Promise<Away> {
  const send = async (path: string, body: object): Promise<Record<string, unknown>> => {
    const headers = { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' };
    const response = await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) });
    const answer = (await response.json()) as Record<string, unknown>;
    if (answer.error) throw new Error(JSON.stringify(answer.error));
    return answer;
  };
  const call = async (method: string, params: object): Promise<Record<string, unknown>> =>
    (await send(`/api/nfs/${method}`, { params })).result as Record<string, unknown>;
  await call('write', { path: '/secret/is-there', content: 'x'.repeat(1024) });
  await call('zone_create', { zone_id: 'away', name: 'Away' });
  const zone_id = 'away';
  await call('write', { path: '/x', content: 'x', zone_id });
  const grant = { subject: ['user', 'x'], relation: 'direct_viewer', object: ['file', '/x'] };
  const task = { executor: 'outside', task_type: 'none', payload: {}, zone_id };
  return {
    task: String((await send('/api/v2/scheduler/submit', task)).id),
    key: String((await call('admin_create_key', { name: 'x', zone_id })).key_id),
    tuple: String((await call('rebac_create', { ...grant, zone_id })).tuple_id),
  };
}

export async function run({ calls = CALLS }: { readonly calls?: number | undefined }): Promise<boolean> {
  const nexus: Child<BenchServer> = await startBenchServer();
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const pairs = [...PAIRS, ...awayPairs(await prepare(nexus.ready))];
  let met = true;
  for (const pair of pairs) met = (await compare({ agent, server: nexus.ready, calls }, pair)) && met;
  agent.destroy();
  await nexus.stop();
  return met;
}
