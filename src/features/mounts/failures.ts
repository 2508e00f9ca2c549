/** What is wrong with a store, as a fault that names its mount. */
import { Fault, invalidParams } from '../../base/faults.ts';
import { BackendError } from '../../ports/backend.ts';
import type { MountRow } from './mounts.sql.ts';

type Named = Pick<MountRow, 'mount_point' | 'backend_type'>;

const said = ({ backend_type, mount_point }: Named, error: BackendError): string =>
  `The ${backend_type} store mounted at ${mount_point}: ${error.message}`;

/** Is it the store that is out of reach, and not what was asked of it? */
export const gone = (thrown: unknown): boolean => thrown instanceof BackendError && thrown.code === 'UNREACHABLE';

/** Faults of others stay what they are. `field`: the parameter that a store refuses. */
export function storeFault(thrown: unknown, mount: Named, field: 'path' | 'backend_config' = 'path'): Fault {
  if (thrown instanceof Fault) return thrown;
  if (!(thrown instanceof BackendError)) throw thrown;
  const { mount_point } = mount;
  const fault = thrown.code === 'REFUSED' ? refused(field, thrown, mount) : codeOf(thrown, mount, { mount_point });
  fault.cause = thrown.cause ?? thrown;
  return fault;
}

const refused = (field: string, error: BackendError, mount: Named): Fault =>
  invalidParams({ path: field, message: said(mount, error) });

function codeOf(error: BackendError, mount: Named, data: { readonly mount_point: string }): Fault {
  const message = said(mount, error);
  if (error.code === 'FULL') return new Fault('UNAVAILABLE', message, { ...data, reason: 'disk_full' });
  if (error.code === 'NOT_EMPTY')
    return new Fault('DIRECTORY_NOT_EMPTY', message, { ...data, path: mount.mount_point });
  if (error.code === 'UNREACHABLE') return new Fault('UNAVAILABLE', message, { ...data, reason: 'store_unreachable' });
  return new Fault('UNAVAILABLE', message, { ...data, reason: 'store_changed' });
}
