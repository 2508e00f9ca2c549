/** Where the blobs of a cluster are, with the credentials for it. */
import { S3_USER } from '../servers/s3.ts';

export const blobsUrl = ({ endpoint, bucket }: { readonly endpoint: string; readonly bucket: string }): string => {
  const user = [S3_USER.accessKeyId, S3_USER.secretAccessKey].map(encodeURIComponent).join(':');
  return `s3://${user}@${bucket}/nexus?endpoint=${encodeURIComponent(endpoint)}`;
};
