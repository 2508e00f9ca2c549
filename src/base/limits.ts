/**
 * Every limit of the server in one table: name with its unit, default, meaning. The environment sets one by
 * `NEXUS_LIMIT_<NAME>`; reaching one is a fault that names it. Source: contract files.md §4, infrastructure.md §13.
 */
import { Fault } from './faults.ts';

const MiB = 1024 * 1024;

interface Limit {
  readonly default: number;
  readonly about: string;
  /** Least and most, unless from 1 up. */
  readonly range?: readonly [number, number];
  /** Its setting, where that is not `LIMIT_<NAME>`. */
  readonly key?: string;
}

export const LIMITS = {
  RPC_BODY_BYTES: { default: 192 * MiB, about: 'body of a JSON-RPC call' },
  JSON_READ_BYTES: { default: 128 * MiB, about: 'content that one `read` answers inside JSON, before base64' },
  FILE_BYTES: { default: 10 * 1024 * MiB, about: 'one file' },
  PATH_BYTES: { default: 4096, about: 'a path, in UTF-8 bytes' },
  SEGMENT_BYTES: { default: 1024, about: 'one name of a path, in UTF-8 bytes' },
  PATH_SEGMENTS: { default: 256, about: 'names of a path' },
  METADATA_BYTES: { default: 16 * 1024, about: 'own metadata of a file, as JSON' },
  METADATA_KEYS: { default: 64, about: 'own metadata keys of a file' },
  LIST_ENTRIES: { default: 10_000, about: 'entries of one page of a list' },
  GLOB_MATCHES: { default: 100_000, about: 'matches of one page of a glob' },
  GREP_MATCHES: { default: 100_000, about: 'matches of one page of a grep' },
  GREP_SLICE_MS: { default: 5_000, about: 'time of one page of a grep' },
  PATTERN_BYTES: { default: 4096, about: 'a glob or regular expression' },
  REGEX_INSTRUCTIONS: { default: 10_000, about: 'a compiled regular expression' },
  BRACE_ALTERNATIVES: { default: 1_000, about: 'alternatives of a glob, multiplied out' },
  BATCH_ITEMS: { default: 1_000, about: 'items of one batch' },
  BATCH_READ_BYTES: { default: 64 * MiB, about: 'content that one bulk read answers' },
  EDIT_STEPS: { default: 1_000_000_000, about: 'steps of finding the places of edits, about 5 ns each' },
  EDITS: { default: 100, about: 'edits of one call' },
  EDIT_BYTES: { default: 10 * MiB, about: 'content that can be edited or compared' },
  FUZZY_BYTES: { default: MiB, about: 'content that is searched for a similar window' },
  BRANCH_DEPTH: { default: 16, about: 'branches of the tree that grow one from another' },
  EVENT_DATA_BYTES: { default: 64 * 1024, about: 'data of one published event, as JSON' },
  STREAMS_PER_ZONE: { default: 1_200, about: 'streams and waiting calls of one zone, on one node' },
  STREAMS_PER_NODE: { default: 4_096, about: 'streams and waiting calls of one node' },
  OPERATION_MS: { default: 600_000, about: 'time of one call, from its last byte to its commit' },
  REQUESTS_IN_FLIGHT: { default: 1_000, about: 'requests being served at once' },
  WRITES_WAITING: { default: 10_000, about: 'writes waiting for their commit' },
  SPOOL_BYTES: { default: 4 * 1024 * MiB, about: 'bytes of one zone being received, resumable uploads apart' },
  TUPLES_WRITE: { default: 10_000, about: 'tuples that one call creates and deletes' },
  PROOF_DEPTH: { default: 1_000, about: 'nodes of a proof, one below another' },
  CHECK_NODES: { default: 100_000, about: 'nodes of the graph of tuples that one check visits' },
  SCHEMA_BYTES: { default: 64 * 1024, about: 'types that a zone adds to the schema, as JSON' },
  JOB_PAYLOAD_BYTES: {
    default: MiB,
    about: 'payload or result of a job, as JSON',
    range: [1024, 16 * MiB],
    key: 'JOB_PAYLOAD_BYTES_MAX',
  },
  TASKS_QUEUED: { default: 1_000_000, about: 'jobs of one zone that have not finished' },
  SCHEDULES: { default: 1_000, about: 'schedules of one zone' },
  MOUNTS: { default: 100, about: 'mounts of one zone' },
  MOUNT_ENTRIES: { default: 1_000_000, about: 'entries of a mount that one call looks through' },
  MCP_TOOLS: { default: 1_000, about: 'tools of one MCP server that is mounted' },
  MCP_TOOLS_BYTES: { default: MiB, about: 'the list of these tools, as JSON' },
  CONFLICTS_OPEN: { default: 100_000, about: 'conflicts of one zone that are open' },
  CONFLICT_DAYS: {
    default: 30,
    about: 'days for which the replaced side of a settled conflict is kept',
    range: [1, 36_500],
    key: 'CONFLICT_DAYS',
  },
  UPLOADS_PER_CALLER: { default: 100, about: 'uploads of one caller that are not complete' },
  UPLOADS_PER_ZONE: { default: 1_000, about: 'uploads of one zone that are not complete' },
  AGENTS: { default: 10_000, about: 'agents of one zone, and inboxes' },
  AGENT_METADATA_BYTES: { default: 16 * 1024, about: 'metadata or spec of an agent, as JSON' },
  AGENT_STALE_SECONDS: {
    default: 90,
    about: 'seconds of silence after which an agent is stale',
    range: [3, 86_400],
    key: 'AGENT_STALE_SECONDS',
  },
  MAILBOX_MESSAGES: { default: 10_000, about: 'messages in one inbox' },
  MESSAGE_BYTES: { default: 64 * 1024, about: 'payload of one message, as JSON' },
  RPC_CALLS: { default: 100, about: 'calls of one JSON-RPC batch' },
  IDEMPOTENT_ANSWER_BYTES: { default: MiB, about: 'answer of a call with an Idempotency-Key, which is kept for a day' },
  RPC_BODY_VALUES: { default: 1_000_000, about: 'values of one JSON body' },
  OBJECT_NAMES: { default: 50_000, about: 'names of one object of a JSON body' },
  V1_BODY_BYTES: {
    default: 16 * MiB,
    about: 'JSON body of a REST route',
    range: [1_024, 1024 * MiB],
  },
  TOOL_RESULT_BYTES: { default: 4 * MiB, about: 'what one call of an MCP tool answers, as JSON' },
  MCP_STREAMS_UNCLAIMED: {
    default: 200,
    about: 'streams of the older MCP transport that no message with a key has come to, of one node',
  },
  MCP_STREAM_MESSAGES: { default: 100, about: 'messages of one such stream that are being answered' },
  INGEST_FILES: { default: 10_000, about: 'files of one batch that is ingested' },
  INGEST_FILE_BYTES: { default: 256 * MiB, about: 'one file that is ingested' },
  INGEST_TEXT_BYTES: { default: 64 * MiB, about: 'text of one document, branch or remix, in UTF-8 bytes' },
  LINEAGE_EVENTS: { default: 10_000, about: 'events of a branch of a text, those of its parents among them' },
  EVOLVE_EVENTS: { default: 1_000, about: 'events of one call that makes branches' },
  PDF_PAGES: { default: 10_000, about: 'pages of one PDF that is ingested' },
  OPEN_BODY_BYTES: { default: 64 * 1024, about: 'JSON body of a REST route, from a caller without credentials' },
} as const satisfies Record<string, Limit>;

export type LimitName = keyof typeof LIMITS;

/** Every limit by name. */
export const limitRows: readonly (readonly [LimitName, Limit])[] = Object.entries(LIMITS).map(([name, limit]) => [
  name as LimitName,
  limit,
]);

/** The setting of a limit, without `NEXUS_`. */
export const limitKey = (name: LimitName, limit: Limit): string => limit.key ?? `LIMIT_${name}`;
export type Limits = Readonly<Record<LimitName, number>>;

export const defaultLimits: Limits = Object.fromEntries(
  Object.entries(LIMITS).map(([name, limit]) => [name, limit.default]),
) as Limits;

/** LIMIT_EXCEEDED, named. `what` begins the message: "metadata of /a". */
export function limitExceeded(limit: LimitName, maximum: number, at: { actual: number; what: string }): Fault {
  return new Fault('LIMIT_EXCEEDED', `${at.what}: ${at.actual} passes the limit ${limit} of ${maximum}`, {
    limit,
    maximum,
    actual: at.actual,
  });
}
