/** What the HTTP doors are given by the roof. */
import type { IncomingHttpHeaders } from 'node:http';
import type { Server } from '../../core/invoke.ts';
import type { Caller } from '../../core/operation.ts';
import type { SpoolHome } from './body/spool.ts';

export interface DoorOptions {
  readonly server: Server;
  readonly version: string;
  /** The caller behind a key's text; undefined for a credential that does not work. */
  readonly authenticate: (key: string) => Promise<Caller | undefined>;
  readonly corsOrigins: readonly string[];
  readonly spools: SpoolHome;
}

/** A request as far as the door has understood it. */
export interface Arrival {
  readonly caller: Caller | undefined;
  readonly request_id: string;
  readonly address: string | null;
  readonly headers: IncomingHttpHeaders;
}
