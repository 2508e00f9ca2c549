/** A depot on a real S3 server. */
import { S3_USER } from '../../../test/servers/s3.ts';
import { freshBucket } from '../../../test/servers/shared-s3.ts';
import { depotContract } from '../../ports/depot.contract.ts';
import { openOutbound } from '../network/outbound.ts';
import { placeOf } from './place.ts';
import { openS3Depot } from './s3-depot.ts';

depotContract('in a bucket', async () => {
  const { endpoint, bucket } = await freshBucket();
  const place = placeOf({ bucket, endpoint, prefix: 'backups/here' }, S3_USER);
  const outbound = () => openOutbound({ allow: undefined, pins: [], ca: '' });
  return { open: () => openS3Depot(place, outbound), remove: async () => undefined };
});
