/** The cases of mounts. Who may not read a mount point is told of no mount there; all but reading is for admins. */
import type { At, Case, Cases, Input } from './cases.ts';

const always = (input: (at: At) => Input): readonly Case[] => [{ level: 'nothing', input }];
const none = { mount_point: '/given/none' };
/** Saving it again replaces it. */
const saved = (): Input => ({
  mount_point: '/given/mount',
  backend_type: 's3',
  backend_config: { bucket: 'nobodys-bucket', region: 'eu-1', access_key_id: 'key', secret_access_key: 's3cret' },
});

/** A mount of the zone that was saved beforehand. */
async function someSaved(at: At): Promise<Input> {
  const form = saved();
  await at.ok('save_mount', form);
  return { mount_point: form.mount_point };
}

/** An MCP server of the zone, which cannot be reached: that is its state, and no failure of a call. */
async function zoneTools(at: At): Promise<{ name: string }> {
  await at.ok('mcp_mount', { name: 'tools-of-zone', command: 'not-listed', tier: 'zone' });
  return { name: 'tools-of-zone' };
}

export const MOUNT_CASES: Cases = {
  'mcp-mount.list': always(() => ({})),
  'mcp-mount.add': [
    { title: 'for oneself', level: 'nothing', input: () => ({ name: 'own-tools', command: 'not-listed' }) },
    { title: 'for the zone', level: 'admin', input: () => ({ name: 'tools', command: 'not-listed', tier: 'zone' }) },
  ],
  'mcp-mount.remove': [
    { title: 'one of the zone', level: 'admin', input: zoneTools },
    { title: 'none', level: 'nothing', ends: 'MOUNT_NOT_FOUND', input: () => ({ name: 'none' }) },
  ],
  'mcp-mount.sync': [{ level: 'nothing', input: zoneTools }],
  'mcp-mount.tools': [{ level: 'nothing', input: zoneTools }],
  'connector.list': always(() => ({})),
  'connector.all': always(() => ({})),
  'connector.delete': [{ level: 'nothing', input: someSaved }],
  'mount.list': always(() => ({})),
  'mount.all': always(() => ({})),
  'mount.find': always(() => ({ mount_point: '/' })),
  'mount.get': always(() => ({ mount_point: '/' })),
  'mount.has': always(() => none),
  // Nothing is reached for: that differs from machine to machine.
  'mount.add': [{ level: 'nothing', ends: 'INVALID_PARAMS', input: () => ({ ...saved(), backend_type: 'tape' }) }],
  'mount.remove': always(() => none),
  'mount.delete': [{ level: 'nothing', ends: 'MOUNT_NOT_FOUND', input: () => none }],
  'mount.save': [{ level: 'nothing', input: saved }],
  'mount.list-saved': always(() => ({})),
  'mount.all-saved': always(() => ({})),
  'mount.load': [{ level: 'nothing', ends: 'MOUNT_NOT_FOUND', input: () => none }],
  'mount.forget': [{ level: 'nothing', input: someSaved }],
  'mount.delete-saved': [{ level: 'nothing', input: someSaved }],
};
