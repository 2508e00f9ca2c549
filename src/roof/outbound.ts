/** Connections to others, as the configuration has them. Loads TLS: a thread that asks nobody does without (engines.ts). */
import { readFileSync } from 'node:fs';
import type { Config } from '../config.ts';
import { openOutbound } from '../engines/network/outbound.ts';
import type { Outbound } from '../ports/outbound.ts';

/** Connections to what the operator himself configured, or to what users name. */
export function outboundOf(config: Config, named: 'operator' | 'user'): Outbound {
  return openOutbound({
    allow: named === 'operator' ? undefined : config.OUTBOUND_ALLOW,
    pins: config.RESOLVE,
    ca: config.CA_FILE === '' ? '' : readFileSync(config.CA_FILE, 'utf8'),
  });
}
