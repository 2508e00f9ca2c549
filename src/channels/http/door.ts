/** What the HTTP doors are given by the roof. */
import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyRequest } from 'fastify';
import type { BrickName } from '../../base/bricks.ts';
import type { Fault } from '../../base/faults.ts';
import type { HealthBody } from '../../core/call/cluster.ts';
import type { OpenSpan, Tracing } from '../../core/call/tracing.ts';
import type { Figures, Metrics } from '../../core/metrics.ts';
import type { Caller } from '../../core/operation.ts';
import type { Server } from '../../core/server.ts';
import type { Refused } from '../../features/access/credentials.ts';
import type { Budget } from '../../features/limits/budget.ts';
import type { Rates } from '../../features/limits/rates.ts';
import type { AddressOf } from './addresses.ts';
import type { SpoolHome } from './body/spool.ts';
import type { OwnCall } from './own-calls.ts';

/** What the server says of its own state. */
export interface HealthView {
  summary(): Promise<HealthBody>;
  detailed(): Promise<HealthBody & { readonly components: object }>;
  /** What still has to happen before the server serves; empty when it does. */
  pendingPhases(): readonly string[];
  /** The same and what the database lacks for it, noting that somebody wants to know. */
  readiness(): Promise<readonly string[]>;
  uptimeSeconds(): number;
  features(): Readonly<Record<string, unknown>>;
  figures(): Promise<Figures>;
}

/** A credential as it was presented. */
export interface Credential {
  readonly text: string;
  /** It came after `Bearer`, where a token may stand in place of a key. */
  readonly bearer: boolean;
}

/** A caller, with what it may still ask: undefined where nothing is limited. */
export interface Admitted {
  readonly caller: Caller | undefined;
  readonly budget: Budget | undefined;
}

/** Who presents a credential, or why it does not work. */
export type Known =
  | (Admitted & { readonly caller: Caller; readonly hash: string })
  | ({ readonly caller: undefined; readonly refusal: Fault; readonly hash: string } & Refused);

/** Who is behind credentials. */
export interface Callers {
  /** At once where it was asked for a moment ago; the transaction of a call has the last word. */
  find(credential: Credential): Known | Promise<Known>;
  /** As it is now. */
  ask(credential: Credential): Promise<Known>;
}

/** What every door needs. */
export interface Door {
  readonly metrics: Pick<Metrics, 'count'>;
  readonly server: Server;
  readonly callers: Callers;
  readonly addressOf: AddressOf;
  /** undefined: nothing is limited. */
  readonly rates: Rates | undefined;
  /** undefined: nothing is traced. */
  readonly tracing?: Tracing | undefined;
  /** Of a caller's zone; undefined is a caller without one. */
  readonly spools: (zone_id: string | undefined) => SpoolHome;
  /** The server is about to leave: connections end with the answer that goes out. */
  readonly leaving: () => boolean;
  /** It leaves since the state of all servers is replaced. */
  readonly isRestoring?: () => boolean;
}

export interface DoorOptions extends Door {
  readonly health: HealthView;
  readonly metrics: Metrics;
  readonly version: string;
  readonly corsOrigins: readonly string[];
  /** The older transport of the MCP door is there too. */
  readonly mcpSse: boolean;
}

/** A request as far as the door has understood it. */
export interface Arrival extends Admitted {
  readonly request_id: string;
  readonly address: string | null;
  /** Template of its route, as audit rows name it: `GET /api/v1/jobs/{id}`. */
  readonly endpoint: () => string;
  readonly headers: IncomingHttpHeaders;
  readonly traceparent: string | undefined;
  /** Says that the answer is that of an earlier request with the same key. */
  replayed(): void;
  /** Asks for the caller again: UNAUTHENTICATED comes before any other failure, also if the key ended a moment ago. */
  confirm(): Promise<void>;
}

/** What is known of a request that was let in. */
export type Arrive = (request: FastifyRequest) => Arrival;

declare module 'fastify' {
  interface FastifyRequest {
    /** Of a request that was let in. */
    arrival: Arrival | null;
    /** Where requests are traced. */
    span?: OpenSpan;
    /** Code of the fault that it was answered with. */
    failed?: string;
    /** It is counted apart from now on. */
    lasts?: () => void;
    /** Its work goes on behind its answer: it is counted until `lasts` is called. */
    goesOn?: true;
  }
  interface FastifyContextConfig {
    /** The route takes requests without a working credential (access.md §1); their caller is undefined. */
    readonly open?: boolean;
    /** At an open route: a credential that is presented and does not work is 401, not as good as none. */
    readonly strict?: boolean;
    /** Neither limited nor asked for a credential (files.md §12). */
    readonly exempt?: boolean;
    /** Bucket that a request takes from (core/rate-slots.ts). */
    readonly slot?: number;
    /** What the API document tells of it, where no operation says it. */
    readonly calls?: readonly OwnCall[];
    /** What the route is a part of. */
    readonly brick?: BrickName | undefined;
    /** Its answers last as long as their clients like: they are counted apart from requests (core/streams.ts). */
    readonly lasting?: boolean;
    /** Some of its answers do: those are told by `lasts` of their request. */
    readonly mayLast?: boolean;
    /** Of a route that takes a path of any depth: what stands behind it. */
    readonly endings?: readonly string[];
    /** The bucket is that of the method in the path. */
    readonly rpc?: boolean;
  }
}
