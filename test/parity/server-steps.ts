/** What is of the whole server, through every door: backups, bricks and nodes. */

const noBackup = { ref: 'bk-20300101t000000000z-00000000' };

/** Each is one more, so none is made here. */
export const BACKUP_STEPS = [
  { op: 'backup.config', by: 'root', input: {} },
  { op: 'backup.configure', by: 'root', input: { retention: 7, enabled: false } },
  { op: 'backup.configure', by: 'root', input: { schedule: '0 99 * * *' }, fault: 'INVALID_PARAMS' },
  { op: 'backup.configure', by: 'root', input: { destination: 'here' }, fault: 'INVALID_PARAMS' },
  { op: 'backup.create', input: {}, fault: 'ACCESS_DENIED' },
  { op: 'backup.list', by: 'root', input: {} },
  { op: 'backup.get', by: 'root', input: { ref: 'latest' }, fault: 'BACKUP_NOT_FOUND' },
  { op: 'backup.verify', by: 'root', input: noBackup, fault: 'BACKUP_NOT_FOUND' },
  { op: 'backup.restore', by: 'root', input: { ...noBackup, confirm: false }, fault: 'CONFLICT' },
  { op: 'backup.restore', by: 'root', input: { ...noBackup, confirm: true }, fault: 'BACKUP_NOT_FOUND' },
  { op: 'zone.export', input: { zone_id: 'root' }, fault: 'ACCESS_DENIED' },
  { op: 'zone.export', by: 'root', input: { zone_id: 'nowhere' }, fault: 'ZONE_NOT_FOUND' },
  { op: 'zone.import', by: 'root', input: { path: '/no-export' }, fault: 'FILE_NOT_FOUND' },
  { op: 'zone.import', by: 'root', input: { path: '/x', zone_id: 'N' }, fault: 'INVALID_PARAMS' },
] as const;

export const CONTENT_STEPS = [
  { op: 'content.status', by: 'root', input: {} },
  { op: 'content.status', input: {}, fault: 'ACCESS_DENIED' },
  { op: 'content.check', by: 'root', input: {} },
  { op: 'content.check', input: {}, fault: 'ACCESS_DENIED' },
] as const;

export const BRICK_STEPS = [
  { op: 'brick.list', input: {} },
  { op: 'brick.get', input: { name: 'scheduler' } },
  { op: 'brick.get', input: { name: 'none' }, fault: 'BRICK_NOT_FOUND' },
  { op: 'brick.unmount', input: { name: 'ipc' }, fault: 'ACCESS_DENIED' },
  { op: 'brick.unmount', by: 'root', input: { name: 'kernel' }, fault: 'CONFLICT' },
  { op: 'brick.mount', by: 'root', input: { name: 'ipc' } },
  { op: 'brick.remount', by: 'root', input: { name: 'none' }, fault: 'BRICK_NOT_FOUND' },
  { op: 'brick.reset', by: 'root', input: { name: 'rebac' }, fault: 'CONFLICT' },
] as const;

/** A server that is alone. */
export const CLUSTER_STEPS = [
  { op: 'cluster.get', by: 'root', input: {} },
  { op: 'cluster.get', input: {}, fault: 'ACCESS_DENIED' },
  { op: 'node.drain', by: 'root', input: { id: 'node-00000000' }, fault: 'NOT_FOUND' },
  { op: 'node.remove', by: 'root', input: { id: 'node-00000000' }, fault: 'NOT_FOUND' },
] as const;
