/** Opens a bucket that somebody mounts: its address is judged, then it is looked whether it is there. */
import { Fault } from '../../base/faults.ts';
import { BackendError, type OpenBackend } from '../../ports/backend.ts';
import { type Outbound, OutboundRefused } from '../../ports/outbound.ts';
import { asBackend, goOn } from './backend-errors.ts';
import { S3Client } from './client.ts';
import { S3Error } from './errors.ts';
import { listObjects } from './objects.ts';
import { addressOf, type S3Place } from './place.ts';
import { S3Backend } from './s3-backend.ts';

export interface Opening {
  /** For addresses that users name. */
  readonly outbound: Outbound;
  readonly pageEntries: number;
  readonly signal: AbortSignal;
}

/** UNREACHABLE; REFUSED for a bucket that is not there or not for this key; ACCESS_DENIED for an address that is not to be asked. */
export async function openBucket(place: S3Place, { outbound, pageEntries, signal }: Opening): Promise<OpenBackend> {
  goOn(signal);
  try {
    await outbound.judge(addressOf(place, '').base);
  } catch (thrown) {
    if (!(thrown instanceof OutboundRefused)) throw thrown;
    throw new Fault('ACCESS_DENIED', `Access denied: ${thrown.message}`, { setting: 'NEXUS_OUTBOUND_ALLOW' });
  }
  const s3 = new S3Client(place, outbound);
  await asBackend(place.bucket, async () => {
    try {
      await listObjects(s3, { prefix: '', max: 1, signal }).next();
    } catch (thrown) {
      if (!(thrown instanceof S3Error) || thrown.passes) throw thrown;
      throw new BackendError('REFUSED', `bucket ${place.bucket}: ${thrown.message}`, thrown);
    }
  });
  return {
    backend: new S3Backend(s3, pageEntries),
    place: { store: `s3://${place.endpoint.host}/${place.bucket}`, path: `/${place.prefix.replace(/\/$/, '')}` },
  };
}
