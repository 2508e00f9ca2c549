/** Blobs and their stage on a real S3 server: the suites of the ports, and what only such a store has. */

import { S3_USER } from '../../../test/servers/s3.ts';
import { freshBucket } from '../../../test/servers/shared-s3.ts';
import { blobsContract } from '../../ports/blobs.contract.ts';
import { stageContract } from '../../ports/stage.contract.ts';
import { openOutbound } from '../network/outbound.ts';
import { placeOf, type S3Place } from './place.ts';
import { openS3Blobs } from './s3-blobs.ts';

const trusted = () => openOutbound({ allow: undefined, pins: [], ca: '' });

async function freshPlace(): Promise<S3Place> {
  const { endpoint, bucket } = await freshBucket();
  return placeOf({ bucket, endpoint, prefix: 'some/where' }, S3_USER);
}

for (const contract of [blobsContract, stageContract]) {
  contract('s3', async () => {
    const place = await freshPlace();
    return { open: () => openS3Blobs(place, trusted()), remove: async () => undefined };
  });
}
