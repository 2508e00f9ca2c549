/**
 * Makes the data of an earlier release that upgrade.test.ts opens: `node test/upgrades/make.ts FOLDER`, where FOLDER has that
 * release with its dependencies, as `git archive REVISION | tar -x -C FOLDER; (cd FOLDER; npm ci)` leaves it.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createDatabase, startPostgres } from '../servers/postgres.ts';
import { sparePort } from '../servers/spare-port.ts';
import { ADMIN, type Answered, packRelease, type Release } from './release.ts';

const [release = ''] = process.argv.slice(2);

type Rpc = (method: string, params: object) => Promise<unknown>;

/** A little of everything that is kept; gives a key that was made. */
async function fill(url: string, rpc: Rpc): Promise<string> {
  for (let n = 0; n < 12; n++)
    await rpc('write', { path: `/docs/${n}.md`, content: `# Page ${n}\n\nText of page ${n}.\n` });
  for (let n = 0; n < 3; n++) await rpc('append', { path: '/docs/1.md', content: `More ${n}.\n` });
  await rpc('write', { path: '/large.txt', content: 'a line of a large file\n'.repeat(5_000) });
  await rpc('rename', { old_path: '/docs/2.md', new_path: '/kept/two.md' });
  await rpc('delete', { path: '/docs/3.md' });
  await rpc('tree_snapshot_create', { name: 'before' });
  await rpc('write', { path: '/docs/4.md', content: 'Changed since.\n' });
  await rpc('tree_branch_create', { name: 'draft' });
  await rpc('write', { path: '/docs/5.md', content: 'On a branch.\n', branch: 'draft' });
  await rpc('rebac_create', { subject: ['user', 'ada'], relation: 'direct_viewer', object: ['file', '/docs'] });
  await rpc('rebac_create', { subject: ['user', 'bob'], relation: 'member', object: ['group', 'team'] });
  await rpc('zone_create', { zone_id: 'team-one', name: 'Team one' });
  await rpc('register_agent', { agent_id: 'scout', name: 'Scout', capabilities: ['search'] });
  const headers = { authorization: `Bearer ${ADMIN}`, 'content-type': 'application/json' };
  const post = async (path: string, body: object): Promise<void> => {
    const answer = await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  };
  await post('/api/v1/jobs/submit', { job_type: 'echo', payload: { value: 1 }, execution_mode: 'sync' });
  await post('/api/v2/scheduler/submit', { executor: 'builder', task_type: 'compile', payload: { n: 1 } });
  const made = await rpc('admin_create_key', { name: 'ada', subject_id: 'ada', role: 'viewer' });
  return (made as { key: string }).key;
}

const QUESTIONS: readonly (readonly [string, object])[] = [
  ...Array.from({ length: 12 }, (_, n) => ['exists', { path: `/docs/${n}.md` }] as const),
  ['read', { path: '/docs/1.md', encoding: 'utf-8' }],
  ['read', { path: '/docs/5.md', encoding: 'utf-8', branch: 'draft' }],
  ['read', { path: '/large.txt', encoding: 'utf-8' }],
  ['list', { path: '/', recursive: true }],
  ['list_versions', { path: '/docs/1.md' }],
  ['grep', { pattern: 'Text of page [0-3]', path: '/docs' }],
  ['tree_snapshot_list', {}],
  ['tree_branch_list', {}],
  ['rebac_check', { subject: ['user', 'ada'], permission: 'read', object: ['file', '/docs/7.md'] }],
  ['rebac_check', { subject: ['user', 'bob'], permission: 'read', object: ['file', '/docs/7.md'] }],
  ['zone_list', {}],
  ['list_agents', {}],
  ['audit_verify', {}],
];

async function served(env: Readonly<Record<string, string>>): Promise<Pick<Release, 'answers' | 'key'>> {
  const port = await sparePort();
  const url = `http://127.0.0.1:${port}`;
  const line = [join(release, 'bin/nexus.mjs'), 'serve', '--port', String(port)];
  const child = spawn('setpriv', ['--pdeathsig=KILL', process.execPath, ...line], {
    env: { ...process.env, ...env, NEXUS_BOOTSTRAP_ADMIN_KEY: ADMIN },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  await once(child.stdout, 'data');
  const rpc: Rpc = async (method, params) => {
    const headers = { authorization: `Bearer ${ADMIN}`, 'content-type': 'application/json' };
    const body = JSON.stringify({ params });
    const answer = await fetch(`${url}/api/nfs/${method}`, { method: 'POST', headers, body });
    const { result, error } = (await answer.json()) as { result: unknown; error: object | null };
    if (error) throw new Error(`${method}: ${JSON.stringify(error)}`);
    return result;
  };
  const key = await fill(url, rpc);
  const answers: Answered[] = [];
  for (const [method, params] of QUESTIONS) answers.push({ method, params, result: await rpc(method, params) });
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
  return { answers, key };
}

function filesIn(directory: string): Record<string, string> {
  const paths = readdirSync(directory, { recursive: true, encoding: 'utf8' });
  const files = paths.filter((path) => statSync(join(directory, path)).isFile() && !/reserve|\.lock$/.test(path));
  return Object.fromEntries(files.map((path) => [path, readFileSync(join(directory, path)).toString('base64')]));
}

const directory = mkdtempSync(join(tmpdir(), 'nexus-release-'));
const embedded = await served({ NEXUS_DATA_DIR: directory });
packRelease('sqlite', { files: filesIn(directory), dump: '', ...embedded });
rmSync(directory, { recursive: true });

const postgres = await startPostgres();
const database = await createDatabase(postgres);
const blobs = mkdtempSync(join(tmpdir(), 'nexus-release-'));
const env = {
  NEXUS_DATABASE_URL: database.url,
  NEXUS_BLOBS_URL: pathToFileURL(join(blobs, 'blobs')).href,
  NEXUS_DATA_DIR: blobs,
};
const there = await served(env);
const dump = execFileSync('pg_dump', ['--no-owner', '--no-privileges', database.url], { encoding: 'utf8' });
packRelease('postgres', { files: filesIn(blobs), dump, ...there });
await postgres.stop();
rmSync(blobs, { recursive: true });
