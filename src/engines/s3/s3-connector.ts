/**
 * The kind of stores that are buckets of S3. Guarantees: an address that users name is judged before anything is sent there
 * (workflows.md §12.4), at each connection; a secret goes nowhere but into signatures.
 */
import { z } from 'zod';
import { BACKEND_PAGE_ENTRIES, type Connector } from '../../ports/backend.ts';
import type { Outbound } from '../../ports/outbound.ts';
import { BUCKET_NAME, placeOf, REGION_NAME } from './place.ts';

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
      // What speaks to a bucket is loaded when the first one is mounted.
      const { openBucket } = await import('./open-bucket.ts');
      return openBucket(place, { outbound, pageEntries, signal });
    },
  };
}

function isEndpoint(text: string): boolean {
  const url = URL.parse(text);
  if (!url || !/^https?:$/.test(url.protocol)) return false;
  return `${url.username}${url.password}${url.search}${url.hash}` === '';
}
