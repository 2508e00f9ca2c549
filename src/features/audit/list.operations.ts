/**
 * The audit log of a zone (access.md §13). Guarantees: only an admin of the zone sees it, of every other zone nothing;
 * what this server was told before is in it; pages, newest first, go on where the one before ended, whatever is written
 * meanwhile; a cell of CSV is never a formula.
 */
import { z } from 'zod';
import { readCursor, writeCursor } from '../../base/cursor.ts';
import { invalidParams } from '../../base/faults.ts';
import { plainText } from '../../base/texts.ts';
import type { Call, Operation } from '../../core/operation.ts';
import { type AuditEntry, auditEntry, csv, type Found, jsonLines, toEntry } from './entries.ts';
import { listChanges, listReads } from './list.sql.ts';

const LIMIT = { json: 100, text: 1000, most: 1000 };
const CURSOR = 'audit';
/** Numbers before which each of the two logs goes on. */
const cursorState = z.object({ changes: z.number(), reads: z.number() });
const BEGINNING = { changes: Number.MAX_SAFE_INTEGER, reads: Number.MAX_SAFE_INTEGER };

const time = z.iso
  .datetime({ offset: true })
  .transform((text) => Date.parse(text))
  .optional();

const listInput = z.object({
  actor: plainText.optional().describe('only rows of this one, `user:ada`, who is of the zone unless another is named'),
  subject_zone_id: plainText.optional().describe('only rows of those who are at home in this zone'),
  action: plainText.optional().describe('only rows of this operation, or auth_success, auth_failure, auth_denied'),
  outcome: z.enum(['allowed', 'denied', 'failed']).optional().describe('only rows with this outcome'),
  object: plainText.optional().describe('only rows whose object begins with this'),
  channel: z.enum(['http', 'rpc', 'cli', 'mcp', 'internal']).optional().describe('only rows of this channel'),
  since: time.describe('only rows from this time on'),
  start_time: time.describe('the same as since'),
  until: time.describe('only rows before this time'),
  end_time: time.describe('the same as until'),
  limit: z
    .int()
    .min(1)
    .optional()
    .describe(`rows of a page, at most ${LIMIT.most}; ${LIMIT.json} unless given, all of a text over HTTP`),
  cursor: z.string().optional().describe('next_cursor of the page before'),
  format: z.enum(['json', 'jsonl', 'csv']).default('json').describe('how rows are told: as objects, or as a text'),
});
type ListInput = z.infer<typeof listInput>;

const listOutput = z.object({
  entries: z.union([z.array(auditEntry), z.string()]),
  has_more: z.boolean(),
  next_cursor: z.string().nullable(),
});
type ListOutput = z.infer<typeof listOutput>;

const MEDIA_TYPES = {
  jsonl: 'application/jsonl; charset=utf-8',
  csv: 'text/csv; charset=utf-8; header=present',
} as const;

export const auditList: Operation<ListInput, ListOutput> = {
  name: 'audit.list',
  tool: 'list_audit_rows',
  summary: 'List the audit log of the zone, newest first.',
  effect: 'read',
  who: { role: 'admin' },
  heavy: true,
  anyZone: 'even none',
  input: listInput,
  output: listOutput,
  faults: ['ACCESS_DENIED', 'INVALID_CURSOR'],
  rpc: { name: 'audit_list' },
  http: {
    method: 'GET',
    path: '/api/v2/audit',
    text: {
      mediaType: (input) => {
        const { format } = input as ListInput;
        return format === 'json' ? undefined : MEDIA_TYPES[format];
      },
      piece: (output) => String(output.entries),
      next: (output) => output.next_cursor,
      isWhole: (input) => (input as ListInput).limit === undefined,
    },
  },
  cli: { words: 'audit list' },
  examples: [{ title: 'what was refused', input: { outcome: 'denied' } }],
  prepare: async (input, { audit, context }) => {
    for (const [name, alias] of SAME) {
      if (input[name] !== undefined && input[alias] !== undefined && input[name] !== input[alias]) {
        throw invalidParams({ path: alias, message: `differs from ${name}` });
      }
    }
    await audit.settle(context.zone_id);
    return input;
  },
  object: () => 'audit',
  run: listPage,
};

const SAME = [
  ['since', 'start_time'],
  ['until', 'end_time'],
] as const;

async function listPage({ tx, context }: Call, input: ListInput): Promise<ListOutput> {
  const { zone_id } = context;
  const begin = input.cursor === undefined ? BEGINNING : readCursor(CURSOR, input.cursor, cursorState);
  const limit = Math.min(input.limit ?? (input.format === 'json' ? LIMIT.json : LIMIT.text), LIMIT.most);
  const filter = { ...input, since: input.since ?? input.start_time, until: input.until ?? input.end_time };
  const page = { zone_id, filter, limit: limit + 1 };
  const found = [
    ...(await listChanges(tx, { ...page, before: begin.changes })),
    ...(await listReads(tx, { ...page, before: begin.reads })),
  ].sort(newestFirst);
  const shown = found.slice(0, limit);
  const has_more = found.length > limit;
  const entries = shown.map((one) => toEntry(zone_id, one));
  const next = { changes: lastOf(shown, 'changes') ?? begin.changes, reads: lastOf(shown, 'reads') ?? begin.reads };
  return {
    entries: toldAs(input, entries),
    has_more,
    next_cursor: has_more ? writeCursor(CURSOR, next) : null,
  };
}

const newestFirst = (a: Found, b: Found): number =>
  b.row.at - a.row.at || (a.log === b.log ? b.n - a.n : a.log < b.log ? -1 : 1);

const lastOf = (found: readonly Found[], log: Found['log']): number | undefined =>
  found.findLast((one) => one.log === log)?.n;

function toldAs({ format, cursor }: ListInput, entries: AuditEntry[]): AuditEntry[] | string {
  if (format === 'json') return entries;
  return format === 'jsonl' ? jsonLines(entries) : csv(entries, cursor === undefined);
}
