/**
 * Credentials as they count at this door. Guarantees: a key text that everybody knows (infrastructure.md §2) works from this
 * machine only, and so does a token for such a key; what another program passed on from elsewhere is not from this machine,
 * though its socket is.
 */
import type { FastifyRequest } from 'fastify';
import { isDefaultKeyText } from '../../base/default-keys.ts';
import { Fault } from '../../base/faults.ts';
import type { Credential, Door, Known } from './door.ts';
import { addressOf } from './peer.ts';
import { credentialOf } from './request.ts';

const PASSED_ON = ['x-forwarded-for', 'forwarded', 'x-real-ip', 'via'];

function isLocal(request: FastifyRequest, door: Door): boolean {
  if (PASSED_ON.some((header) => request.headers[header] !== undefined)) return false;
  const address = addressOf(request, door) ?? '';
  return address === '::1' || address.startsWith('127.');
}

/** The credential of a request. One that does not count from there is as good as one that nobody has. */
export function presented(request: FastifyRequest, door: Door): Credential | undefined {
  const credential = credentialOf(request.raw);
  if (credential === undefined || !isDefaultKeyText(credential.text) || isLocal(request, door)) return credential;
  return { text: `${credential.text}\n`, bearer: false };
}

/** Who presents it, as far as that counts from where the request came. */
export function countedFromHere(request: FastifyRequest, door: Door, known: Known): Known {
  const { caller, hash } = known;
  if (!caller?.token?.of_default_key || isLocal(request, door)) return known;
  const refusal = new Fault('UNAUTHENTICATED', 'Invalid token');
  return { caller: undefined, refusal, hash, reason: 'invalid_token', owner: caller };
}

/** The same of a credential among the parameters. */
export function presentedAsParameter(request: FastifyRequest, door: Door, params: object): object {
  if (!('api_key' in params) || typeof params.api_key !== 'string') return params;
  if (!isDefaultKeyText(params.api_key) || isLocal(request, door)) return params;
  return { ...params, api_key: `${params.api_key}\n` };
}
