/** A client of the uploads of a server of ours. */
import { ADMIN_KEY } from '../harness.ts';
import { TusClient } from './client.ts';

export const tusOf = (
  { url }: { readonly url: string },
  key = ADMIN_KEY,
  more: Readonly<Record<string, string>> = {},
): TusClient => new TusClient(`${url}/api/v2/uploads`, { authorization: `Bearer ${key}`, ...more });
