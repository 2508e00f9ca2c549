/**
 * The one failure type and the one table of its codes. Guarantees: every code has an HTTP status, a JSON-RPC number,
 * a CLI exit code, a retry rule and a log level, and nothing but a code of this table ever reaches a client.
 * Source: contract files.md §2, access.md §2, §10.
 */
import { cut, NAME_CHARACTERS } from './cut.ts';

/** May the same caller send the same call again? `later`: after Retry-After; `reread`: after reading the thing again. */
export type Retry = 'no' | 'yes' | 'later' | 'reread';

export interface FaultRow {
  /** HTTP status at REST doors, and at the RPC door where `rpc` is 'http'. */
  readonly http: number;
  /** JSON-RPC `error.code` inside HTTP 200, or 'http' where the failure is an HTTP-level one. */
  readonly rpc: number | 'http';
  readonly retry: Retry;
  readonly log: 'debug' | 'info' | 'warn' | 'error';
  /** When it is thrown, for the documentation. */
  readonly when: string;
}

const row = (http: number, rpc: number | 'http', when: string, more: Partial<FaultRow> = {}): FaultRow => ({
  http,
  rpc,
  retry: 'no',
  log: 'debug',
  when,
  ...more,
});

export const FAULTS = {
  INVALID_JSON: row(400, -32700, 'the body is not JSON, not UTF-8, or nested deeper than 64'),
  INVALID_REQUEST: row(400, -32600, 'not a call object, or method and URL differ'),
  METHOD_NOT_FOUND: row(404, -32601, 'no method of that name; up to three similar names are given'),
  INVALID_PARAMS: row(422, -32602, 'a parameter is missing, of the wrong type or out of range'),
  INVALID_PATH: row(400, -400, 'a path breaks a rule of paths'),
  INVALID_PATTERN: row(400, -400, 'a glob or regular expression that cannot be used'),
  INVALID_CURSOR: row(400, -400, 'a cursor that is not ours, or contradicts the other parameters'),
  LIMIT_EXCEEDED: row(400, -400, 'a limit of the server is passed; it is named'),
  NOT_TEXT: row(400, -400, 'a text operation on content that is not UTF-8'),
  DIGEST_MISMATCH: row(400, -400, 'the bytes received differ from the announced digest'),
  BAD_REQUEST: row(400, -400, 'well-formed, but not to be done as it was asked'),
  BAD_HEADER: row(400, 'http', 'a header of the upload protocol is missing, malformed, or contradicts another'),
  UNAUTHENTICATED: row(401, 'http', 'no valid credential', { log: 'info' }),
  ACCESS_DENIED: row(403, -403, 'the caller lacks the permission, role or zone', { log: 'info' }),
  READ_ONLY: row(403, -403, 'the path lies in a read-only mount'),
  FILE_NOT_FOUND: row(404, -404, 'no file or directory at the path'),
  PARENT_NOT_FOUND: row(404, -404, 'the parent directory is missing'),
  VERSION_NOT_FOUND: row(404, -404, 'the file has no such version'),
  SNAPSHOT_NOT_FOUND: row(404, -404, 'no snapshot of that id or name'),
  BRANCH_NOT_FOUND: row(404, -404, 'no branch of that name'),
  ZONE_NOT_FOUND: row(404, -404, 'no Active zone of that id'),
  KEY_NOT_FOUND: row(404, -404, 'no key of that id that is not revoked'),
  AGENT_NOT_FOUND: row(404, -404, 'no agent of that id, no spec or no inbox of it'),
  TASK_NOT_FOUND: row(404, -404, 'no task of that id that the caller sees'),
  SCHEDULE_NOT_FOUND: row(404, -404, 'no schedule of that id that the caller sees'),
  MOUNT_NOT_FOUND: row(404, -404, 'nothing mounted or saved at the point that the caller sees'),
  UPLOAD_NOT_FOUND: row(404, -404, 'no upload of that id that the caller sees'),
  CONFLICT_NOT_FOUND: row(404, -404, 'no conflict of that id that the caller sees'),
  BRICK_NOT_FOUND: row(404, -404, 'no brick of that name in this server'),
  BACKUP_NOT_FOUND: row(404, -404, 'no backup of that id at the destination, or none at all'),
  TUPLE_NOT_FOUND: row(404, -404, 'no tuple of that id'),
  NOT_FOUND: row(404, 'http', 'no such route, or nothing of that id that the caller sees'),
  METHOD_NOT_ALLOWED: row(405, 'http', 'the route has no such verb; Allow names those it has'),
  UNSUPPORTED_MEDIA_TYPE: row(415, 'http', 'a media type or encoding that the route does not take'),
  ALREADY_EXISTS: row(409, -409, 'something exists there'),
  IS_A_DIRECTORY: row(409, -409, 'a file operation on a directory'),
  NOT_A_DIRECTORY: row(409, -409, 'a directory operation on a file, or a path through a file'),
  DIRECTORY_NOT_EMPTY: row(409, -409, 'the directory has entries and recursive was not set'),
  CONFLICT: row(409, -409, 'the state of the thing forbids it; the reason is given'),
  ETAG_MISMATCH: row(412, -409, 'the content is not the expected one', { retry: 'reread' }),
  MERGE_CONFLICT: row(409, -409, 'both sides changed the same paths differently'),
  PRECONDITION_FAILED: row(
    412,
    -412,
    'If-Match names another state; a version of the upload protocol that is not spoken',
  ),
  REVISION_GONE: row(410, -410, 'older than the history that the zone retains'),
  CONTENT_GONE: row(410, -410, 'the content of an old conflict is kept no longer'),
  UPLOAD_GONE: row(410, -410, 'the upload was deleted, or has expired'),
  BODY_TOO_LARGE: row(413, 'http', 'the body passes a limit; it is named'),
  RANGE_NOT_SATISFIABLE: row(416, 'http', 'the range lies outside the content'),
  LOCKED: row(423, -423, 'somebody else writes to the upload and has not stopped in time', { retry: 'later' }),
  CHECKSUM_MISMATCH: row(460, 'http', 'the bytes of the request are not those of its checksum; none was kept'),
  WARMUP_FAILED: row(422, -422, 'a required check of a warmup failed; it is named'),
  BACKUP_DAMAGED: row(422, -422, 'bytes of a backup are not what they were; its parts are named', { log: 'error' }),
  RATE_LIMITED: row(429, 'http', 'too many requests; Retry-After tells when', { retry: 'later', log: 'info' }),
  TOO_MANY: row(429, 'http', 'a count is reached that is a limit of the server', { retry: 'later' }),
  INTERNAL: row(500, 'http', 'a defect of the server; the log has the request id', { retry: 'yes', log: 'error' }),
  UNAVAILABLE: row(
    503,
    'http',
    'starting, stopping, overloaded, storage out of reach, or a brick that is off: it is named',
    {
      retry: 'later',
      log: 'warn',
    },
  ),
  UPSTREAM_FAILED: row(502, 'http', 'a source outside cannot be reached', { retry: 'later', log: 'warn' }),
  DEADLINE_EXCEEDED: row(504, 'http', 'the call ran for its longest time, ten minutes; nothing changed', {
    retry: 'yes',
    log: 'warn',
  }),
  QUOTA_EXCEEDED: row(507, 'http', 'a limit of the zone is reached', { log: 'info' }),
} as const satisfies Record<string, FaultRow>;

/** Exit code of the command line for an HTTP status (workflows.md §1.2); 3 is kept for "no server there". */
export function exitCodeOf(http: number): number {
  if (http === 429 || http === 507) return 7;
  if (http === 401 || http === 403) return 6;
  if (http === 404 || http === 410) return 4;
  if (http === 409 || http === 412 || http === 423) return 5;
  if (http === 502 || http === 503 || http === 504) return 8;
  return http >= 400 && http < 500 ? 2 : 1;
}

export type FaultCode = keyof typeof FAULTS;

/** Details of a fault: plain JSON that the client may see. */
export type FaultData = Readonly<Record<string, unknown>>;

/** Of a message, and of a text beside it: two of the longest paths and some words. What was sent is told back, and may be a whole body. */
const TEXT_CHARACTERS = 10_000;

function withShortTexts(data: FaultData): FaultData {
  const isLong = (value: unknown): value is string => typeof value === 'string' && value.length > TEXT_CHARACTERS;
  if (!Object.values(data).some(isLong)) return data;
  const entries = Object.entries(data).map(([name, value]) => [
    name,
    isLong(value) ? cut(value, TEXT_CHARACTERS) : value,
  ]);
  return Object.fromEntries(entries);
}

/** A failure that a client is meant to see. Anything else that is thrown is a bug and becomes INTERNAL. */
export class Fault extends Error {
  readonly code: FaultCode;
  readonly data: FaultData;

  constructor(code: FaultCode, message: string, data: FaultData = {}) {
    super(cut(message, TEXT_CHARACTERS));
    this.name = 'Fault';
    this.code = code;
    this.data = withShortTexts(data);
  }

  get row(): FaultRow {
    return FAULTS[this.code];
  }
}

/** One field that was wrong: `path` is dotted from the root of the parameters. */
export interface Issue {
  readonly path: string;
  readonly message: string;
}

/** How the message of an issue begins that is about what is not there. */
export const MISSING = 'is missing';

/** INVALID_PARAMS with its issue, which is the message too. */
export const invalidParams = (issue: Issue): Fault => allInvalid([issue]);

/** Issues that one fault tells: all of what is looked through to its end (base/understand.ts). */
export const ISSUES_TOLD = 2_000;

/** The same of several; the message carries the first. `has_more` says that there are others, or may be. */
export function allInvalid(issues: readonly Issue[], has_more = issues.length > ISSUES_TOLD): Fault {
  const [first] = issues;
  const message = first ? `${first.path || 'params'}: ${first.message}` : 'invalid parameters';
  const told = issues.slice(0, ISSUES_TOLD);
  return new Fault('INVALID_PARAMS', message, has_more ? { issues: told, has_more } : { issues: told });
}

/** The same of names that nobody knows. */
export const unknownNames = (names: readonly string[], message: string): Fault =>
  allInvalid(
    names.slice(0, ISSUES_TOLD).map((name) => ({ path: cut(name, NAME_CHARACTERS), message })),
    names.length > ISSUES_TOLD,
  );

/** What a client is told of anything thrown: the fault itself, or INTERNAL with nothing shown. */
export function asFault(thrown: unknown): Fault {
  if (thrown instanceof Fault) return thrown;
  return new Fault('INTERNAL', 'Internal error; the log has the details under this request id.');
}

/** Is it that the schema of the database lacks something? A server that was told not to look may live with that. */
export const isSchemaBehind = (thrown: unknown): thrown is Fault =>
  thrown instanceof Fault && thrown.data.reason === 'schema';

/** What is behind a fault, for the log and for nobody else; undefined where nothing is. */
export function causeOf({ cause }: Fault): string | undefined {
  if (cause === undefined) return undefined;
  return cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
}

/** A fault as plain JSON, to cross a thread; {@link faultFromWire} reverses it. */
export interface FaultWire {
  readonly code: FaultCode;
  readonly message: string;
  readonly data: FaultData;
  readonly cause?: string;
}

export function faultToWire(fault: Fault): FaultWire {
  const { code, message, data } = fault;
  const cause = causeOf(fault);
  return { code, message, data, ...(cause === undefined ? {} : { cause }) };
}

export function faultFromWire({ code, message, data, cause }: FaultWire): Fault {
  const fault = new Fault(code, message, data);
  if (cause !== undefined) fault.cause = cause;
  return fault;
}
