/**
 * A day in a zone: every operation that a door offers, at least once, with what goes wrong now and then. `{name}` in an
 * input stands for what an earlier step kept, `{zone}` for the zone.
 */
import { ANALYSIS_STEPS } from './analysis-steps.ts';
import { BRANCH_STEPS } from './branch-steps.ts';
import { CORPUS_STEPS } from './corpus-steps.ts';
import { DOCUMENT_STEPS } from './document-steps.ts';
import { MOUNT_STEPS, SYNC_STEPS } from './mount-steps.ts';
import { BACKUP_STEPS, BRICK_STEPS, CLUSTER_STEPS, CONTENT_STEPS } from './server-steps.ts';
import type { Step } from './step.ts';

export type { Step };

const ada = ['user', 'ada'];
const docs = ['file', '/docs'];

const zones: readonly Step[] = [
  { op: 'zone.create', by: 'root', input: { zone_id: '{zone}-sub', name: 'Sub', limits: { max_files: 10 } } },
  { op: 'zone.create', by: 'root', input: { zone_id: '{zone}-sub', name: 'Again' }, fault: 'ALREADY_EXISTS' },
  { op: 'zone.create', input: { name: 'Not mine' }, fault: 'ACCESS_DENIED' },
  { op: 'zone.list', input: {} },
  { op: 'zone.update', input: { zone_id: '{zone}', description: 'where parity is tried' } },
  { op: 'zone.get', input: { zone_id: '{zone}' } },
  { op: 'zone.get', input: { zone_id: '{zone}-none' }, by: 'root', fault: 'ZONE_NOT_FOUND' },
  { op: 'zone.delete', by: 'root', input: { zone_id: '{zone}-sub' } },
  { op: 'method.list', input: {} },
  { op: 'audit.list', input: { action: 'file.write', until: '2001-02-03T04:05:06Z', limit: 3 } },
  {
    op: 'audit.list',
    input: { since: '2001-02-03T04:05:06Z', start_time: '2002-02-03T04:05:06Z' },
    fault: 'INVALID_PARAMS',
  },
  { op: 'audit.verify', input: { all: true }, fault: 'ACCESS_DENIED' },
  { op: 'caller.whoami', input: {} },
  { op: 'key.whoami', input: {} },
  { op: 'feature.list', input: {} },
  { op: 'feature.update', input: { name: 'raw_mode', enabled: false }, fault: 'ACCESS_DENIED' },
  { op: 'token.create', input: {} },
  { op: 'token.create', input: { api_key: 'never-was-a-key-00' }, fault: 'UNAUTHENTICATED' },
  { op: 'token.refresh', input: {}, fault: 'UNAUTHENTICATED' },
];

const keys: readonly Step[] = [
  { op: 'key.admin-create', input: { name: 'one', user_id: 'ada', role: 'viewer' }, keep: { one: 'key_id' } },
  { op: 'key.create', input: { name: 'two', expires_days: 7, inherit_permissions: true }, keep: { two: 'key_id' } },
  { op: 'key.create', input: { name: 'three', role: 'king' }, fault: 'INVALID_PARAMS' },
  { op: 'key.admin-list', input: { limit: 10 }, unordered: true },
  { op: 'key.list', input: { user_id: 'ada', include_revoked: true } },
  { op: 'key.admin-update', input: { key_id: '{one}', name: 'first' } },
  { op: 'key.update', input: { key_id: '{two}', rate_limit_per_minute: 1000 } },
  { op: 'key.admin-get', input: { key_id: '{one}' } },
  { op: 'key.get', input: { key_id: '{two}' } },
  { op: 'key.admin-revoke', input: { key_id: '{one}' } },
  { op: 'key.revoke', input: { key_id: '{two}' } },
  { op: 'key.get', input: { key_id: '{two}x' }, fault: 'KEY_NOT_FOUND' },
];

const files: readonly Step[] = [
  { op: 'file.write', input: { path: '/docs/a.md', content: 'one\ntwo\n' }, keep: { etag: 'etag', wrote: 'revision' } },
  { op: 'file.write', input: { path: '/docs/ü b%2F.txt', content: 'ä', content_type: 'text/x-note' } },
  { op: 'file.write', input: { path: '/docs/../a', content: '' }, fault: 'INVALID_PATH' },
  { op: 'file.read', input: { path: '/docs/a.md' } },
  { op: 'file.read', input: { path: '/docs/a.md', encoding: 'utf-8', offset: 4 } },
  { op: 'file.read', input: { path: '/docs/a.md', return_metadata: true } },
  { op: 'file.read', input: { path: '/docs/none' }, fault: 'FILE_NOT_FOUND' },
  { op: 'file.append', input: { path: '/docs/a.md', content: 'three\n' } },
  {
    op: 'file.edit',
    input: { path: '/docs/a.md', edits: [['two', 'zwei']], if_match: '{etag}' },
    fault: 'ETAG_MISMATCH',
  },
  { op: 'file.edit', input: { path: '/docs/a.md', edits: [['two', 'zwei']] } },
  { op: 'file.open', input: { path: '/docs/a.md' } },
  { op: 'file.open', input: { path: '/docs/a.md', version: 1 } },
  { op: 'file.set-metadata', input: { path: '/docs/a.md', metadata: { tag: ['x', 1], '__proto__ ': null } } },
  { op: 'file.stat', input: { path: '/docs/a.md' } },
  { op: 'file.stat', input: { path: '/docs/a.md', as_of: '{wrote}' } },
  { op: 'file.exists', input: { path: '/docs/none' } },
  { op: 'file.is-directory', input: { path: '/docs' } },
  { op: 'file.mkdir', input: { path: '/made/below', parents: true } },
  { op: 'file.mkdir', input: { path: '/made' }, fault: 'ALREADY_EXISTS' },
  { op: 'file.copy', input: { src_path: '/docs', dst_path: '/copy', recursive: true } },
  { op: 'file.rename', input: { old_path: '/copy/a.md', new_path: '/copy/z.md' } },
  { op: 'file.rename', input: { old_path: '/copy', new_path: '/copy/in' }, fault: 'INVALID_PATH' },
  { op: 'file.list', input: { path: '/', recursive: true, details: true } },
  { op: 'file.list', input: { path: '/docs', limit: 1 } },
  { op: 'file.glob', input: { pattern: '**/*.md', path: '/' } },
  { op: 'file.grep', input: { pattern: 'Z.EI', ignore_case: true, before_context: 1 } },
  { op: 'file.grep', input: { pattern: '(' }, fault: 'INVALID_PATTERN' },
  {
    op: 'file.write-batch',
    input: { files: [['/many/a', 'A'], { path: '/many/b', content: 'AP8=', encoding: 'base64' }] },
  },
  { op: 'file.read-bulk', input: { paths: ['/many/a', '/many/b', '/many/none'] } },
  { op: 'file.exists-batch', input: { paths: ['/many/a', '/many/none'] } },
  { op: 'file.stat-bulk', input: { paths: ['/many/a', '/many/none'] } },
  {
    op: 'file.rename-bulk',
    input: {
      renames: [
        ['/many/a', '/many/c'],
        ['/many/none', '/many/d'],
      ],
    },
  },
  { op: 'file.delete-bulk', input: { paths: ['/many/c', '/many/none'] } },
  { op: 'file.delete', input: { path: '/many/b' } },
  { op: 'file.rmdir', input: { path: '/made' }, fault: 'DIRECTORY_NOT_EMPTY' },
  { op: 'file.rmdir', input: { path: '/made', recursive: true } },
  { op: 'version.list', input: { path: '/docs/a.md', limit: 2 } },
  { op: 'version.get', input: { path: '/docs/a.md', version: 1, encoding: 'base64' } },
  { op: 'version.get', input: { path: '/docs/a.md', version: 9 }, fault: 'VERSION_NOT_FOUND' },
  { op: 'version.diff', input: { path: '/docs/a.md', v1: 1, v2: 3, context_lines: 1 } },
  { op: 'version.rollback', input: { path: '/docs/a.md', version: 1 } },
];

const trees: readonly Step[] = [
  {
    op: 'tree-snapshot.create',
    input: { name: 'before', path: '/docs' },
    keep: { snap: 'snapshot_id', at: 'revision' },
  },
  { op: 'tree-snapshot.list', input: { limit: 5 } },
  { op: 'tree-snapshot.get', input: { id: '{snap}' } },
  { op: 'tree-branch.create', input: { name: 'try-it' } },
  { op: 'tree-branch.list', input: {} },
  { op: 'file.write', input: { path: '/docs/new', content: 'on the branch', branch: 'try-it' } },
  { op: 'tree.diff', input: { from: '{at}', branch: 'try-it' } },
  { op: 'tree-branch.merge', input: { branch: 'try-it', into: 'main', strategy: 'theirs' } },
  { op: 'tree.restore', input: { to: 'before', path: '/docs', preview: true } },
  { op: 'tree.restore', input: { to: '{at}', path: '/docs' } },
  { op: 'tree.restore', input: { to: 'never' }, fault: 'SNAPSHOT_NOT_FOUND' },
  { op: 'tree-branch.delete', input: { name: 'try-it' } },
  { op: 'tree-branch.delete', input: { name: 'main' }, fault: 'INVALID_PARAMS' },
  { op: 'tree-snapshot.delete', input: { id: '{snap}' } },
];

const access: readonly Step[] = [
  { op: 'tuple.create', input: { subject: ada, relation: 'direct_viewer', object: docs }, keep: { fact: 'tuple_id' } },
  { op: 'tuple.create', input: { subject: ada, relation: 'likes', object: docs }, fault: 'INVALID_PARAMS' },
  {
    op: 'tuple.write',
    input: { creates: [{ subject: ['group', 'team', 'member'], relation: 'direct_editor', object: docs }] },
  },
  { op: 'tuple.check', input: { subject: ada, permission: 'read', object: ['file', '/docs/a.md'] } },
  { op: 'tuple.check', input: { subject: ada, permission: 'write', object: docs } },
  { op: 'tuple.check-batch', input: { checks: [{ subject: ada, permission: 'read', object: docs }] } },
  { op: 'tuple.list', input: { object: docs }, unordered: true },
  { op: 'tuple.objects', input: { relation: 'viewer', subject: ada } },
  { op: 'tuple.expand', input: { permission: 'read', object: ['file', '/docs/a.md'] } },
  { op: 'tuple.explain', input: { subject: ada, permission: 'read', object: ['file', '/docs/a.md'] } },
  { op: 'tuple.schema', input: {} },
  { op: 'cache.stats', input: {} },
  { op: 'tuple.set-schema', input: { types: { report: { auditor: { this: ['user'] } } }, dry_run: true } },
  { op: 'tuple.set-schema', input: { types: { file: { viewer: { this: ['user'] } } } }, fault: 'INVALID_PARAMS' },
  {
    op: 'share.create',
    input: { path: '/docs/a.md', user_id: 'bob', relation: 'editor' },
    keep: { share: 'share_id' },
  },
  { op: 'share.create-group', input: { path: '/docs', group_id: 'team' } },
  { op: 'share.list', input: { path: '/docs/a.md' } },
  { op: 'share.incoming', input: {} },
  { op: 'share.revoke', input: { share_id: '{share}' } },
  { op: 'share.revoke', input: { share_id: '{share}' }, fault: 'TUPLE_NOT_FOUND' },
  { op: 'tuple.delete', input: { tuple_id: '{fact}' } },
];

const events: readonly Step[] = [
  {
    op: 'event.publish',
    input: { type: 'app.parity', path: '/docs/a.md', data: { n: 1, text: 'ä' } },
    keep: { told: 'events' },
  },
  { op: 'event.publish', input: { type: 'app.' }, fault: 'INVALID_PARAMS' },
  { op: 'event.publish', input: { type: 'write' }, fault: 'ACCESS_DENIED' },
  { op: 'event.list', input: { limit: 3 } },
  { op: 'event.list', input: { path_pattern: '/docs/**', operation_type: ['file_write', 'move'], limit: 5 } },
  { op: 'event.list', input: { cursor: 'x' }, fault: 'INVALID_CURSOR' },
  { op: 'event.operations', input: { limit: 2 } },
  { op: 'event.replay', input: { limit: 20 } },
  { op: 'event.replay', input: { since_revision: 10, event_types: ['write'], limit: 3 } },
  { op: 'event.watch', input: { path: '/docs/**', since: 0, timeout: 5 } },
  { op: 'event.watch', input: { timeout: 0.1 } },
  { op: 'event.watch', input: { path: '[' }, fault: 'INVALID_PATTERN' },
  { op: 'event.follow', input: { tail: 3 }, take: 3 },
  { op: 'event.follow', input: { last_event_id: '5', path: '/docs/**' }, take: 2 },
  { op: 'event.follow', input: { path: '[' }, take: 1, fault: 'INVALID_PATTERN' },
];

const held = { id: '{task}', fencing_token: 1 };
const build = { executor: 'builder', task_type: 'compile' };
const jobs: readonly Step[] = [
  { op: 'task.types', input: {} },
  { op: 'task.classify', input: { priority: 'low', request_state: 'io_wait' } },
  { op: 'task.metrics', input: {} },
  {
    op: 'task.submit',
    input: { ...build, payload: { targets: ['a', 1, null] }, priority: 'high', idempotency_key: 'once' },
    keep: { task: 'id' },
  },
  { op: 'task.submit', input: { ...build, idempotency_key: 'once' } },
  { op: 'task.submit', input: { ...build, priority: 'soon' }, fault: 'INVALID_PARAMS' },
  { op: 'task.submit', input: { ...build, executor: 'nexus' }, fault: 'INVALID_PARAMS' },
  { op: 'task.get', input: { id: '{task}' } },
  { op: 'task.get', input: { id: 'never' }, fault: 'TASK_NOT_FOUND' },
  { op: 'task.list', input: { status: 'queued', executor: 'builder', limit: 5 } },
  { op: 'task.claim', input: { executor: 'builder', max: 2, lease_seconds: 3600, worker: 'w1' } },
  { op: 'task.heartbeat', input: { ...held, lease_seconds: 3600 } },
  { op: 'task.heartbeat', input: { ...held, fencing_token: 9 }, fault: 'CONFLICT' },
  { op: 'task.fail', input: { ...held, error: 'no luck', retry_after_seconds: 0 } },
  { op: 'task.claim', input: { executor: 'builder', lease_seconds: 3600 } },
  { op: 'task.complete', input: { id: '{task}', fencing_token: 2, result: { built: true } } },
  { op: 'task.cancel', input: { id: '{task}' } },
  {
    op: 'schedule.create',
    input: { ...build, name: 'leap', cron: '0 0 29 feb *', timezone: 'Europe/Berlin' },
    keep: { schedule: 'id' },
  },
  { op: 'schedule.create', input: { ...build, name: 'x', cron: '61 * * * *' }, fault: 'INVALID_PARAMS' },
  { op: 'schedule.list', input: { limit: 5 } },
  { op: 'schedule.update', input: { id: '{schedule}', overlap: 'skip', enabled: false } },
  { op: 'schedule.run', input: { id: '{schedule}' } },
  { op: 'schedule.get', input: { id: '{schedule}' } },
  { op: 'schedule.delete', input: { id: '{schedule}' } },
  { op: 'schedule.delete', input: { id: '{schedule}' }, fault: 'SCHEDULE_NOT_FOUND' },
  {
    op: 'job.submit',
    input: { job_type: 'echo', payload: { value: 1 }, idempotency_key: 'once' },
    keep: { job: 'job_id' },
  },
  { op: 'job.list', input: { job_type: 'echo', limit: 5 } },
  { op: 'job.get', input: { id: '{job}' } },
  { op: 'job.get', input: { id: 'never' }, fault: 'NOT_FOUND' },
  { op: 'job.retry', input: { id: '{job}' }, fault: 'CONFLICT' },
  { op: 'job.cancel', input: { id: '{job}' } },
  { op: 'job.retry', input: { id: '{job}' } },
  { op: 'worker.list', by: 'root', input: { all: true } },
];

const scout = { agent_id: 'scout-1' };
const letter = { sender: 'scout-1', recipient: 'scout-1', type: 'note' };
const agents: readonly Step[] = [
  {
    op: 'agent.register',
    input: { ...scout, name: 'Scout', capabilities: ['search', 'read'], metadata: { a: [1, 'ä'] } },
  },
  { op: 'agent.register', input: { ...scout, name: 'Scout' } },
  { op: 'agent.register', input: { ...scout, name: 'Other' }, fault: 'ALREADY_EXISTS' },
  { op: 'agent.register', input: { agent_id: 'a b', name: 'X' }, fault: 'INVALID_PARAMS' },
  { op: 'agent.register', input: { agent_id: 'keyed', name: 'Keyed', generate_api_key: true } },
  { op: 'agent.update', input: { ...scout, description: 'looks around' } },
  { op: 'agent.update', input: { agent_id: 'nobody', name: 'N' }, fault: 'AGENT_NOT_FOUND' },
  { op: 'agent.find', input: scout },
  { op: 'agent.find', input: { agent_id: 'nobody' } },
  { op: 'agent.get', input: scout },
  { op: 'agent.get', input: { agent_id: 'nobody' }, fault: 'AGENT_NOT_FOUND' },
  { op: 'agent.spec-get', input: scout, fault: 'AGENT_NOT_FOUND' },
  { op: 'agent.warmup', input: scout, fault: 'WARMUP_FAILED' },
  {
    op: 'agent.spec-put',
    input: { ...scout, agent_type: 'crawler', capabilities: ['read', 'read', 'crawl'], resource_limits: { cpu: 2 } },
  },
  {
    op: 'agent.spec-put',
    input: { ...scout, agent_type: 'crawler', capabilities: [], if_match: '"7"' },
    fault: 'PRECONDITION_FAILED',
  },
  { op: 'agent.spec-get', input: scout },
  { op: 'agent.transition', input: { ...scout, target_state: 'IDLE' }, fault: 'CONFLICT' },
  { op: 'agent.transition', input: { ...scout, target_state: 'CONNECTED', expected_generation: 0 } },
  {
    op: 'agent.heartbeat',
    input: { ...scout, expected_generation: 1, activity: 'thinking', resource_usage: { tokens_used: 5 } },
  },
  { op: 'agent.heartbeat', input: { ...scout, expected_generation: 0 }, fault: 'CONFLICT' },
  { op: 'inbox.provision', input: scout },
  { op: 'inbox.provision', input: scout },
  {
    op: 'inbox.send',
    input: { ...letter, payload: { text: 'ä' }, correlation_id: 'c1', ttl_seconds: 3600 },
    keep: { letter: 'message_id' },
  },
  { op: 'inbox.send', input: { ...letter, recipient: 'keyed' }, fault: 'AGENT_NOT_FOUND' },
  { op: 'inbox.list', input: { ...scout, limit: 5 } },
  { op: 'inbox.count', input: scout },
  { op: 'agent.status', input: scout },
  { op: 'inbox.delete', input: { ...scout, message_id: '{letter}' } },
  { op: 'inbox.delete', input: { ...scout, message_id: '{letter}' }, fault: 'NOT_FOUND' },
  { op: 'agent.all', input: { capability: ['crawl', 'search'], match: 'any', state: 'CONNECTED' } },
  { op: 'agent.by-zone', input: { zone_id: '{zone}', state: 'UNKNOWN' } },
  { op: 'agent.list', input: { capability: 'crawl', agent_type: 'crawler', stale: false, limit: 5 } },
  { op: 'agent.list', input: { state: 'ASLEEP' }, fault: 'INVALID_PARAMS' },
  { op: 'agent.remove', input: { agent_id: 'keyed' } },
  { op: 'agent.remove', input: { agent_id: 'keyed' } },
  { op: 'agent.delete', input: scout },
  { op: 'agent.delete', input: scout, fault: 'AGENT_NOT_FOUND' },
];

const noUpload = { upload_id: '00000000-0000-4000-8000-000000000000' };

const uploads: readonly Step[] = [
  { op: 'upload.list', input: { limit: 5 } },
  { op: 'upload.list', input: { cursor: 'none' }, fault: 'INVALID_CURSOR' },
  { op: 'upload.get', input: noUpload, fault: 'UPLOAD_NOT_FOUND' },
  { op: 'upload.delete', input: noUpload, fault: 'UPLOAD_NOT_FOUND' },
];

/** Shared by all doors, so nothing is switched here. */

export const STEPS: readonly Step[] = [
  ...zones,
  ...keys,
  ...files,
  ...trees,
  ...events,
  ...access,
  ...jobs,
  ...agents,
  ...uploads,
  ...MOUNT_STEPS,
  ...SYNC_STEPS,
  ...BACKUP_STEPS,
  ...CONTENT_STEPS,
  ...BRICK_STEPS,
  ...CLUSTER_STEPS,
  ...CORPUS_STEPS,
  ...DOCUMENT_STEPS,
  ...BRANCH_STEPS,
  ...ANALYSIS_STEPS,
];

/** The value with each `{name}` replaced; one that is all of a text keeps its type. */
export function filled(value: unknown, kept: ReadonlyMap<string, unknown>): unknown {
  if (Array.isArray(value)) return value.map((item) => filled(item, kept));
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, filled(item, kept)]));
  }
  if (typeof value !== 'string') return value;
  const whole = /^\{(\w+)\}$/.exec(value)?.[1];
  if (whole !== undefined) return kept.get(whole);
  return value.replace(/\{(\w+)\}/g, (_all, name: string) => String(kept.get(name)));
}
