/** Mounts, MCP servers among them, and sync, through every door. */

const bucket = { bucket: 'nobodys-bucket', region: 'eu-1', access_key_id: 'key', secret_access_key: 's3cret' };

/** What is out there differs from zone to zone, so nothing is mounted here. */
export const MOUNT_STEPS = [
  { op: 'connector.list', input: { category: 'local' } },
  { op: 'connector.all', input: {} },
  { op: 'mount.list', input: {} },
  { op: 'mount.all', input: {} },
  { op: 'mount.get', input: { mount_point: '/' } },
  { op: 'mount.get', input: { mount_point: '/mnt/none' }, fault: 'MOUNT_NOT_FOUND' },
  { op: 'mount.find', input: { mount_point: '/mnt/none' } },
  { op: 'mount.has', input: { mount_point: '/' } },
  {
    op: 'mount.add',
    input: { mount_point: '/mnt/a', backend_type: 'tape', backend_config: {} },
    fault: 'INVALID_PARAMS',
  },
  {
    op: 'mount.add',
    input: { mount_point: '/mnt/a', backend_type: 'local', backend_config: { root_path: '/tmp/never' } },
    fault: 'ACCESS_DENIED',
  },
  { op: 'mount.save', input: { mount_point: '/mnt/s', backend_type: 's3', backend_config: bucket, readonly: true } },
  { op: 'mount.save', input: { mount_point: '/', backend_type: 's3', backend_config: bucket }, fault: 'CONFLICT' },
  { op: 'mount.list-saved', input: {} },
  { op: 'mount.all-saved', input: {} },
  { op: 'mount.load', input: { mount_point: '/mnt/none' }, fault: 'MOUNT_NOT_FOUND' },
  { op: 'mount.remove', input: { mount_point: '/mnt/none' } },
  { op: 'mount.delete', input: { mount_point: '/mnt/none' }, fault: 'MOUNT_NOT_FOUND' },
  { op: 'connector.delete', input: { mount_point: '/mnt/s' } },
  { op: 'mount.forget', input: { mount_point: '/mnt/s' } },
  { op: 'mount.delete-saved', input: { mount_point: '/mnt/s' }, fault: 'MOUNT_NOT_FOUND' },
  { op: 'mcp-mount.add', input: { name: 'tools' }, fault: 'INVALID_PARAMS' },
  { op: 'mcp-mount.add', input: { name: 'tools', command: 'not-listed', args: ['a'], env: { A: 'b' } } },
  { op: 'mcp-mount.add', input: { name: 'tools', command: 'not-listed', tier: 'system' }, fault: 'ACCESS_DENIED' },
  { op: 'mcp-mount.list', input: { tier: 'user' } },
  { op: 'mcp-mount.list', input: { include_unmounted: false } },
  { op: 'mcp-mount.sync', input: { name: 'tools' } },
  { op: 'mcp-mount.tools', input: { name: 'tools' } },
  { op: 'mcp-mount.tools', input: { name: 'none' }, fault: 'MOUNT_NOT_FOUND' },
  { op: 'mcp-mount.remove', input: { name: 'tools' } },
  { op: 'mcp-mount.remove', input: { name: 'tools' }, fault: 'MOUNT_NOT_FOUND' },
] as const;

const noConflict = { id: '00000000-0000-4000-8000-000000000000' };
export const SYNC_STEPS = [
  { op: 'sync.push', input: { mount_point: '/' } },
  { op: 'sync.push', input: { mount_point: '/nowhere' }, fault: 'MOUNT_NOT_FOUND' },
  { op: 'sync.push', input: { mount_point: '/', resolution: 'guess' }, fault: 'INVALID_PARAMS' },
  { op: 'sync.pull', input: { mount_point: '/', dry_run: true } },
  { op: 'sync.status', input: { mount_point: '/' } },
  { op: 'conflict.list', input: { status: 'open', limit: 5 } },
  { op: 'conflict.list', input: { cursor: 'none' }, fault: 'INVALID_CURSOR' },
  { op: 'conflict.get', input: noConflict, fault: 'CONFLICT_NOT_FOUND' },
  { op: 'conflict.resolve', input: { ...noConflict, resolution: 'keep_both' }, fault: 'CONFLICT_NOT_FOUND' },
] as const;
