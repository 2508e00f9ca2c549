/** What the HTTP doors are given by the roof. */
import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyRequest } from 'fastify';
import type { Server } from '../../core/invoke.ts';
import type { Figures, Metrics } from '../../core/metrics.ts';
import type { Caller } from '../../core/operation.ts';
import type { SpoolHome } from './body/spool.ts';

/** What the server says of its own state. */
export interface HealthView {
  summary(): Promise<{ readonly status: string } & Readonly<Record<string, unknown>>>;
  detailed(): Promise<{ readonly status: string } & Readonly<Record<string, unknown>>>;
  /** What still has to happen before the server serves; empty when it does. */
  pendingPhases(): readonly string[];
  uptimeSeconds(): number;
  features(): Readonly<Record<string, unknown>>;
  figures(): Promise<Figures>;
}

/** The caller behind a key's text; undefined for a credential that does not work. */
export interface Callers {
  /** At once where it was asked for a moment ago; the transaction of a call has the last word. */
  find(key: string): Caller | undefined | Promise<Caller | undefined>;
  /** As it is now. */
  ask(key: string): Promise<Caller | undefined>;
}

/** What every door needs. */
export interface Door {
  readonly server: Server;
  readonly callers: Callers;
  /** Of a caller's zone; undefined is a caller without one. */
  readonly spools: (zone_id: string | undefined) => SpoolHome;
}

export interface DoorOptions extends Door {
  readonly health: HealthView;
  readonly metrics: Metrics;
  readonly version: string;
  readonly corsOrigins: readonly string[];
}

/** A request as far as the door has understood it. */
export interface Arrival {
  readonly caller: Caller | undefined;
  readonly request_id: string;
  readonly address: string | null;
  readonly headers: IncomingHttpHeaders;
  /** Asks for the caller again: UNAUTHENTICATED comes before any other failure, also if the key ended a moment ago. */
  confirm(): Promise<void>;
}

/** What is known of a request that was let in. */
export type Arrive = (request: FastifyRequest) => Arrival;

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The route takes requests without a working credential (access.md §1); their caller is undefined. */
    readonly open?: boolean;
  }
}
