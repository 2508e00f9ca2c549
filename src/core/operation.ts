/**
 * The type of an operation, and what a handler is given. An operation is declared once, as a value; doors, API document, client,
 * rate limits and labels of metrics are derived from it. Lower than the features, which declare themselves with it.
 */
import type { z } from 'zod';
import type { BrickName } from '../base/bricks.ts';
import type { EventType } from '../base/event-types.ts';
import type { Fault, FaultCode } from '../base/faults.ts';
import type { Limits } from '../base/limits.ts';
import type { Blobs } from '../ports/blobs.ts';
import type { CorpusFolder } from '../ports/corpus-folder.ts';
import type { SeedTexts } from '../ports/seed-texts.ts';
import type { Foresight, Sql, Tx } from '../ports/sql.ts';
import type { Access, Need } from './call/access.ts';
import type { AuditKeys, AuditLog, AuditRow } from './call/audit-row.ts';
import type { BackupDesk } from './call/backups.ts';
import type { CliBinding, HttpBinding, RpcBinding, ToolBinding } from './call/bindings.ts';
import type { BrickState, BrickSwitch } from './call/brick-state.ts';
import type { ClusterView } from './call/cluster.ts';
import type { Computing } from './call/computing.ts';
import type { Doer, EventDoer } from './call/doer.ts';
import type { JobHands } from './call/job-hands.ts';
import type { Notes } from './call/notes.ts';
import type { MountPoint, Passage, Reach, Stores } from './call/outside.ts';
import type { Repeat } from './call/repeat.ts';
import type { Switches } from './call/switches.ts';
import type { ShownToken, Tokens } from './call/tokens.ts';
import type { JobMove } from './call/told.ts';
import type { Waits } from './call/waits.ts';
import type { Counter, ZoneRow } from './call/zone-row.ts';

export type Effect = 'read' | 'write' | 'destroy';

/** Ordered: each may what the ones before it may (access.md §6). */
export const ROLES = ['viewer', 'operator', 'researcher', 'admin'] as const;
export type Role = (typeof ROLES)[number];
export type Channel = 'http' | 'rpc' | 'cli' | 'mcp' | 'internal';

/** Who calls, authenticated once at the door (access.md §1). Plain data: it crosses threads. */
export interface Caller extends Doer {
  readonly zone_id: string;
  readonly role: Role | 'none';
  readonly is_admin: boolean;
  /** First 8 digits of the hash of the key, by which an audit row tells it. */
  readonly key_hash_prefix: string | null;
  readonly inherit_permissions: boolean;
  /** Access revision of the caller's zone at which the credential was checked. */
  readonly access_revision: number;
  readonly rate_limit_per_minute: number | null;
  readonly expires_at: number | null;
  readonly raw_mode_enabled: boolean;
  /** Of the token that was shown; null where it was the key itself. */
  readonly token: ShownToken | null;
}

/** What a call carries beside its input. Plain data: it crosses threads. */
export interface CallContext {
  readonly caller: Caller;
  /** Whose doing it is, where that is not the caller: what the server does for somebody's job. */
  readonly asker?: Doer | undefined;
  readonly zone_id: string;
  /** Paths of another zone keep this prefix in answers: `/zone/<id>`, else empty. */
  readonly path_prefix: string;
  readonly channel: Channel;
  readonly request_id: string;
  readonly address: string | null;
  /** Of the span that it is a part of, where calls are traced. */
  readonly traceparent?: string | undefined;
  /** When its time is up (core/deadline.ts). */
  readonly deadline: number;
  /** What has been done for it at stores outside. */
  readonly passage?: Passage;
  /** Stores outside are switched off: whatever lies below a mount is asked for there all the same, and refused. */
  readonly storesOff?: boolean;
  /** It may be asked for again, and is then answered as it was the first time. */
  readonly repeat?: Repeat | undefined;
}

export type { Counter, ZoneRow };

export interface NewEvent {
  readonly type: EventType;
  readonly path?: string;
  readonly old_path?: string;
  readonly branch?: string;
  readonly object?: { readonly type: string; readonly id: string };
  readonly data?: Readonly<Record<string, unknown>>;
  /** Whose it is, where that is not the caller: what the server does by itself. */
  readonly by?: EventDoer;
}

/** What a handler is given: one transaction, one snapshot, one caller. */
export interface Call {
  readonly context: CallContext;
  readonly caller: Caller;
  readonly zone: ZoneRow;
  readonly tx: Tx;
  readonly access: Access;
  readonly mounts: readonly MountPoint[];
  readonly limits: Limits;
  readonly thread: Thread;
  /** Milliseconds; the same through the whole call. */
  readonly now: number;
  /** Appends an event in this transaction and gives its sequence number: the revision of the change. */
  event(event: NewEvent): number;
  /** Sequence number that the next event will have. */
  nextRevision(): number;
  /** Counts usage of the zone; QUOTA_EXCEEDED where growth would pass a limit. */
  use(counter: Counter, by: number): void;
  /** Bytes of the zone's storage that open uploads are to have: to its limit they count as used. */
  reserve(bytes: number): void;
  /** The transaction changes tuples, keys, roles or the phase of a zone: cached decisions end with it. */
  accessChanged(): void;
  /** READ_ONLY for a path in a read-only mount. */
  refuseReadOnly(path: string): void;
  /** The same of the mounts of the zone: `left` says whether there are any. */
  mountsChanged(left: boolean): void;
  /** Details of the audit row of this call. */
  audit(details: Readonly<Record<string, unknown>>): void;
  /** What the audit log is chained with: the key of what is written now, then the former ones. */
  readonly auditKeys: AuditKeys;
  /** One of several parts failed, and the call goes on: where it was refused, the audit log says so. */
  partFailed(fault: Fault): void;
  /** Rows of the audit log beside that of this call; gives the number of the first of them there. */
  log(rows: readonly AuditRow[]): number;
  /** Said of a job once the call has committed, for figures and log. */
  tell(move: JobMove): void;
  /** A part that can fail by itself: its rows, events and counters are undone when it throws. */
  attempt<T>(work: () => Promise<T>): Promise<T>;
  /** The same without a savepoint: events and counters are undone, what it wrote stays and has to be right either way. */
  weigh<T>(work: () => Promise<T>): Promise<T>;
  /** The form in which a path of the call's zone is answered: with the prefix under which it was asked for. */
  shown(path: string): string;
}

/** What `prepare` may use, outside any transaction: hashing, spooling and blob files come before it. */
export interface Preparation {
  readonly context: CallContext;
  readonly blobs: Blobs;
  readonly limits: Limits;
  readonly sql: Sql;
  readonly tokens: Tokens;
  readonly switches: Switches;
  readonly audit: Pick<AuditLog, 'settle'>;
  /** Jobs may be queued for later. */
  readonly asyncJobs: boolean;
  /** Hints that something has changed, for calls that wait for it. */
  readonly rings: Waits;
  readonly hands: JobHands;
  readonly stores: Stores;
  readonly bricks: BrickState;
  readonly backups: BackupDesk;
  readonly cluster: ClusterView;
  /** For what would hold the event loop up. */
  readonly computing: Computing;
  /** The operator's folder of texts. */
  readonly folder: CorpusFolder;
  readonly seeds: SeedTexts;
  readonly notes: Notes;
  /** Checks permission ahead of costly work; the transaction checks it again. */
  authorise(needs: readonly Need[]): Promise<void>;
  /** Runs another operation with the same caller, in a transaction of its own. */
  run<I, P, O>(operation: Operation<I, O, P>, ready: P): Promise<O>;
}

/** What `finish` may use, in the thread of the transaction and after its end. */
export interface Finishing {
  readonly sql: Sql;
  readonly blobs: Blobs;
  readonly limits: Limits;
  readonly thread: Thread;
}

/** Stands for a thread that runs calls. What is kept between them in its memory hangs on it, weakly. */
export type Thread = object;

/** Content as a state names it: inline bytes, or the hash under which the blob store has them. Plain data. */
export interface StoredBytes {
  readonly sha256: string;
  readonly size: number;
  readonly inline: Uint8Array | null;
}

/** An operation that answers with a sequence: items that exist, or that come while the client listens. */
export interface StreamBinding<O> {
  readonly media: 'text/event-stream' | 'application/x-ndjson';
  /** Where the client asks for this type; else the answer is what `run` gave, and never a stream. */
  readonly whenAccepted?: boolean;
  /** Schema of one item, which is a JSON text in `data:` of an event, or a line. */
  readonly item: z.ZodType;
  /** Whole items, as they go out. It ends when `signal` of the streaming is aborted, between two of them. */
  open(output: O, streaming: Streaming, input: unknown): AsyncIterable<Uint8Array>;
}

/** What an answer that goes on may use: outside any transaction, on the event loop, for as long as its client waits. */
export interface Streaming {
  readonly context: CallContext;
  readonly limits: Limits;
  readonly sql: Sql;
  readonly blobs: Blobs;
  /** Hints that something has changed. */
  readonly rings: Waits;
  readonly bricks: BrickSwitch;
  readonly backups: BackupDesk;
  /** Stands for this process: what streams share hangs on it, weakly. */
  readonly node: object;
  /** Aborted when the client is gone, when the caller may no longer listen, and when the server stops. */
  readonly signal: AbortSignal;
  /** Runs another operation with the same caller, in a transaction of its own. */
  run<I, P, O>(operation: Operation<I, O, P>, ready: P): Promise<O>;
  /** Calls `told` whenever something may have been committed in the zone, until the returned function is called. */
  watch(told: () => void): () => void;
  /** Ends it, as an abort of `signal` does. */
  end(): void;
}

export type Who = 'public' | { readonly role: Role } | 'root admin';

/**
 * How the zone of a call is found (access.md §4). `named`: header or `zone_id`, which have to agree; `subject`: the
 * same, and the zone is a parameter of the operation too; `parameter`: the same, and `zone_id` wins over the header;
 * `caller`: the caller's own, whatever else is named; `any`: as `named`, and an admin of zone root may name all of them
 * by `zone_id=*`, which is then a parameter of a call in his own.
 */
export type ZoneRule = 'named' | 'subject' | 'parameter' | 'caller' | 'any';

/** An example of a call, which the parity test drives through every door. */
export interface Example<I> {
  readonly title: string;
  readonly input: I;
}

export interface Operation<I, O, P = I, R = O> {
  /** `noun.verb`; the label in metrics, audit and logs. */
  readonly name: string;
  readonly summary: string;
  readonly effect: Effect;
  /** What it is a part of: refused by every door while that is switched off. */
  readonly brick?: BrickName;
  readonly who: Who;
  readonly input: z.ZodType<I>;
  readonly output: z.ZodType<O>;
  readonly faults: readonly FaultCode[];
  readonly rpc?: RpcBinding<O>;
  readonly http?: HttpBinding<O>;
  readonly cli?: CliBinding;
  /** The tool that agents know it by, or its name alone; where that is not `verb_noun` (core/tools.ts). */
  readonly tool?: string | ToolBinding<O>;
  /** Long computation that reads only: runs in the reading thread, so that other calls keep their latency. */
  readonly heavy?: boolean;
  /** Not reachable by any door: a part of another operation or of the server's own housekeeping. */
  readonly internal?: boolean;
  /** Reached by the door of a protocol of its own only; no other is derived from it. */
  readonly ownDoor?: boolean;
  /** Housekeeping that adds to the store: refused on a full disk, as the writes of callers are. */
  readonly grows?: boolean;
  /** What `run` of a write is going to look up, so that writes of one commit look it up together. */
  foresee?(ready: P, zone_id: string): readonly Foresight[];
  /** Asks what it is going to look up while the row of its zone is under way. */
  ahead?(tx: Tx, ready: P, context: CallContext): void;
  /** What an `Idempotency-Key` does: nothing, or a repeat of what is shown once is CONFLICT; else the first answer comes again. */
  readonly repeats?: 'own' | 'refused';
  /** Its cursors say themselves what they are pages of; else the question is written around them (core/paging.ts). */
  readonly ownCursor?: boolean;
  /** `named` unless said otherwise. */
  readonly zone?: ZoneRule;
  /** Callers of other zones reach by it what is shared with them, `/zone/<id>/…`, and by nothing else (access.md §8). */
  readonly guests?: boolean;
  /** Works in a zone that is not Active too; one that never was is ZONE_NOT_FOUND, or as an empty one (`even none`). */
  readonly anyZone?: boolean | 'even none';
  readonly examples?: readonly Example<Partial<I>>[];
  /**
   * The input with each of its paths replaced. The door gives paths as they came; their zone is resolved (files.md §5,
   * rule 7) and the handler sees clean paths inside the zone of the call.
   */
  mapPaths?(input: I, map: (path: string) => string): I;
  /** The zone of the thing that the input names by id: asked for a root admin who names no zone. */
  locate?(tx: Tx, input: I): Promise<string | undefined>;
  /** `stale` is the answer of the last try, when the call is prepared again. A promise only where something is waited for. */
  prepare?(input: I, preparation: Preparation, stale?: O): Promise<P> | P;
  /** A credential among the parameters, by which an audit row tells who failed; only its hash is used. */
  presents?(input: I): string | undefined;
  /** Told when what was prepared has run, or has failed. */
  over?(ready: P, output: O | undefined, preparation: Preparation): void;
  /** The answer means that what `prepare` relied on has changed: prepare and run again. */
  stale?(output: O): boolean;
  /** What the call prepares on: once one of several was stale, those of one zone that name the same take turns. */
  turn?(input: I): string;
  needs?(ready: P): readonly Need[];
  /** What of the tree it reads or changes, where it may lie in a store outside. */
  reach?(ready: P): readonly Reach[];
  /** It is a part of how mounts work: what they allow and need is not asked for it. */
  readonly ungated?: boolean;
  /** Topic of the hint that those who wait are given once a write of it has committed; undefined is none. */
  rings?(output: R, ready: P): string | undefined;
  /** What the audit row names as the object. */
  object?(ready: P): string;
  run(call: Call, ready: P): Promise<R>;
  /** Reads only: makes the answer of what `run` gave, in its thread, after the transaction; it may take long or need blobs. */
  finish?(result: R, finishing: Finishing): Promise<O>;
  /** It may have to be waited for, outside any transaction: a stream as long as it waits, over when `signal` is aborted. */
  linger?(output: O, streaming: Streaming, input: unknown): Promise<O>;
  /** Whether this input makes it linger; without it every one does. */
  lingers?(input: unknown): boolean;
  /** Whether what `run` gave has to be waited for all the same, though its input did not tell so. */
  unfinished?(output: O): boolean;
  readonly stream?: StreamBinding<O>;
  /** The answer to an admin of zone root in a zone that never was or is not Active (access.md §4, rule 5); else a fault. */
  nowhere?(): O;
}

/** An operation whose types no longer matter: an entry of the list. Its input was parsed by its own schema. */
export type AnyOperation = Operation<unknown, unknown, unknown, unknown>;

/** The same operations, as parts of a brick. */
export const ofBrick = <O extends object>(
  brick: BrickName,
  operations: readonly O[],
): (O & { readonly brick: BrickName })[] => operations.map((operation) => ({ ...operation, brick }));
