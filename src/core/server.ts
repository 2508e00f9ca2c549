/** What a server consists of, as far as its calls go, and what they are given of it before their transaction. */
import type { Limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import type { Blobs } from '../ports/blobs.ts';
import type { CorpusFolder } from '../ports/corpus-folder.ts';
import type { SeedTexts } from '../ports/seed-texts.ts';
import type { Sql } from '../ports/sql.ts';
import type { BrickBoard } from './brick-board.ts';
import type { AuditLog } from './call/audit-row.ts';
import type { BackupDesk } from './call/backups.ts';
import type { ClusterView } from './call/cluster.ts';
import type { Computing } from './call/computing.ts';
import type { JobHands } from './call/job-hands.ts';
import type { Notes } from './call/notes.ts';
import type { Stores } from './call/outside.ts';
import type { Switches } from './call/switches.ts';
import type { Tokens } from './call/tokens.ts';
import { computingUntil } from './deadline.ts';
import type { CallContext, Operation, Preparation } from './operation.ts';
import { authoriseNeeds } from './preflight.ts';
import type { Rings } from './rings.ts';
import type { Streams } from './streams.ts';
import type { Runner } from './transact.ts';
import type { Turns } from './turns.ts';

export interface Server {
  readonly sql: Sql;
  readonly blobs: Blobs;
  readonly limits: Limits;
  readonly runner: Runner;
  readonly turns: Turns;
  readonly streams: Streams;
  readonly tokens: Tokens;
  readonly switches: Switches;
  readonly audit: AuditLog;
  readonly rings: Rings;
  readonly asyncJobs: boolean;
  readonly hands: JobHands;
  readonly stores: Stores;
  readonly bricks: BrickBoard;
  readonly backups: BackupDesk;
  readonly cluster: ClusterView;
  readonly computing: Computing;
  readonly folder: CorpusFolder;
  readonly seeds: SeedTexts;
  readonly notes: Notes;
  readonly log: Log;
  /** Told of every call that ended; `outcome` is `ok` or the fault's code. */
  readonly observe: (operation: string, outcome: string, seconds: number) => void;
}

export function preparationOf(server: Server, context: CallContext): Preparation {
  return {
    context,
    blobs: server.blobs,
    limits: server.limits,
    sql: server.sql,
    tokens: server.tokens,
    switches: server.switches,
    audit: server.audit,
    asyncJobs: server.asyncJobs,
    rings: server.rings,
    hands: server.hands,
    stores: server.stores,
    bricks: server.bricks,
    backups: server.backups,
    cluster: server.cluster,
    computing: computingUntil(context.deadline, server.computing),
    folder: server.folder,
    seeds: server.seeds,
    notes: server.notes,
    authorise: (needs) => server.runner.read(authoriseNeeds, { needs }, context).then(() => undefined),
    run: <I, P, O>(operation: Operation<I, O, P>, ready: P) =>
      operation.effect === 'read'
        ? server.runner.read(operation, ready, context)
        : server.runner.write(operation, ready, context),
  };
}
