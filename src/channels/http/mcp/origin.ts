/**
 * Whose pages may ask the MCP door. Guarantees: a page of another origin is refused, also where its name leads to this machine.
 */
import { isIP } from 'node:net';
import type { FastifyRequest } from 'fastify';
import { Fault } from '../../../base/faults.ts';
import type { DoorOptions } from '../door.ts';
import { one } from '../request.ts';

const LOOPBACK_NAMES = new Set(['localhost', '127.0.0.1', '[::1]']);

/**
 * ACCESS_DENIED for a browser's page from elsewhere, and for a name that was made to lead here (DNS rebinding): a browser names both
 * truly. Origins that the operator lists for browsers are known here, and their hosts.
 */
export function checkOrigin(request: FastifyRequest, { corsOrigins }: DoorOptions): void {
  const origin = one(request.headers, 'origin');
  const host = hostOf(`http://${one(request.headers, 'host') ?? ''}`);
  const hosts = corsOrigins.map(hostOf);
  const isHere = isLoopback(request.raw.socket.localAddress ?? '');
  if (isHere && !(host !== undefined && (LOOPBACK_NAMES.has(host) || hosts.includes(host))))
    throw foreign('Host', host ?? '');
  if (origin === undefined || corsOrigins.includes(origin) || corsOrigins.includes('*')) return;
  const from = hostOf(origin);
  if (from === undefined || !/^https?:/.test(origin) || (from !== host && !(isHere && LOOPBACK_NAMES.has(from))))
    throw foreign('Origin', origin);
}

const isLoopback = (address: string): boolean => address === '::1' || address.replace('::ffff:', '').startsWith('127.');

/** Without the port; undefined for what is no address. */
function hostOf(url: string): string | undefined {
  if (!URL.canParse(url)) return undefined;
  const { hostname } = new URL(url);
  return isIP(hostname) === 4 && hostname.startsWith('127.') ? '127.0.0.1' : hostname;
}

const foreign = (header: string, value: string): Fault =>
  new Fault(
    'ACCESS_DENIED',
    `${header} ${value.slice(0, 200)} is not let in here; the operator can list it in NEXUS_CORS_ORIGINS`,
    { header },
  );
