/**
 * The kind of stores that are buckets of S3. Guarantees: an address that users name is judged before anything is sent there
 * (workflows.md §12.4), at each connection; a secret goes nowhere but into signatures.
 */
import { z } from 'zod';
import { Fault } from '../../base/faults.ts';
import { BACKEND_PAGE_ENTRIES, BackendError, type Connector, type OpenBackend } from '../../ports/backend.ts';
import { type Outbound, OutboundRefused } from '../../ports/outbound.ts';
import { asBackend, goOn } from './backend-errors.ts';
import { S3Client } from './client.ts';
import { S3Error } from './errors.ts';
import { listObjects } from './objects.ts';
import { addressOf, BUCKET_NAME, placeOf, REGION_NAME, type S3Place } from './place.ts';
import { S3Backend } from './s3-backend.ts';

const Config = z.strictObject({
  bucket: z.string().regex(BUCKET_NAME, 'has to be a name of a bucket: 3 to 63 of a-z, 0-9, dots and dashes'),
  region: z.string().regex(REGION_NAME, 'has to be a region, as eu-central-1'),
  prefix: z.string().max(512).optional().describe('What lies below it is mounted, and nothing else'),
  endpoint: z
    .string()
    .max(2048)
    .refine(isEndpoint, 'has to be an http or https URL without user, query and fragment')
    .optional()
    .describe("URL of a store that is not Amazon's"),
  access_key_id: z.string().min(1).max(256),
  secret_access_key: z.string().min(1).max(1024),
  force_path_style: z.boolean().optional().describe('The bucket is in the path; default where there is an endpoint'),
});

export interface S3ConnectorOptions {
  /** For addresses that users name. */
  readonly outbound: Outbound;
  /** Entries of a page, unless as many as a page may have. */
  readonly pageEntries?: number;
}

export function s3Connector({ outbound, pageEntries = BACKEND_PAGE_ENTRIES }: S3ConnectorOptions): Connector {
  return {
    type: 's3',
    category: 'cloud',
    description: 'A bucket of S3, or of a store that speaks its protocol',
    secrets: ['secret_access_key'],
    requires: [
      'a bucket that its key may list, read and write',
      'NEXUS_OUTBOUND_ALLOW for an endpoint that is not public',
    ],
    capabilities: {
      directories: false,
      rename: false,
      conditional_create: false,
      conditional_replace: false,
      atomic_remove: false,
    },
    reachesHost: false,
    config: Config,
    open: async (config, signal) => {
      const { access_key_id, secret_access_key, ...settings } = Config.parse(config);
      const place = placeOf(settings, { accessKeyId: access_key_id, secretAccessKey: secret_access_key });
      return openPlace(place, { outbound, pageEntries, signal });
    },
  };
}

interface Opening extends Required<S3ConnectorOptions> {
  readonly signal: AbortSignal;
}

async function openPlace(place: S3Place, { outbound, pageEntries, signal }: Opening): Promise<OpenBackend> {
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

function isEndpoint(text: string): boolean {
  const url = URL.parse(text);
  if (!url || !/^https?:$/.test(url.protocol)) return false;
  return `${url.username}${url.password}${url.search}${url.hash}` === '';
}
