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

export const MOUNT_CASES: Cases = {
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
