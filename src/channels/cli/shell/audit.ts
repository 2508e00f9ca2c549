/** audit list, export and verify: the log as people read it, as a file, and whether it is as it was written. */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import type { Result } from '../../../../client/wire.ts';
import { parseJson } from '../../../base/parse-json.ts';
import { plural } from '../../../base/plural.ts';
import { type Scene, type Typed, UsageError } from '../command.ts';
import { derivedCommand } from '../derived.ts';
import { show } from '../show.ts';
import { bytesText, paint, safe, table, timeText } from '../terminal.ts';
import { textOf } from './options.ts';
import { keep } from './transfer.ts';

type Entry = Exclude<Result<'audit_list'>['entries'], string>[number];
type Report = Result<'audit_verify'>;
type Head = Report['logs'][number]['head'];

export const auditList = derivedCommand('audit list', (terminal, answer) => {
  const { entries, has_more, next_cursor } = answer as Result<'audit_list'>;
  if (terminal.json) return show(terminal, answer);
  if (typeof entries === 'string') terminal.out(entries);
  else if (entries.length === 0) terminal.err('nothing\n');
  else table(terminal, COLUMNS, entries.map(rowOf));
  if (has_more) terminal.err(`… more: --cursor ${next_cursor}\n`);
});

const COLUMNS = ['WHEN', 'WHO', 'ACTION', 'OBJECT', 'OUTCOME', 'WHY', 'VIA', 'TIMES'].map((title) => ({
  title,
  right: title === 'TIMES',
}));

const rowOf = (entry: Entry): string[] => {
  const { count } = entry.details;
  return [
    `${timeText(entry.at)}${entry.at.slice(16, 19)}`,
    entry.agent_id === null ? entry.actor : `${entry.actor} by ${entry.agent_id}`,
    entry.action,
    entry.object,
    entry.outcome,
    entry.code ?? '',
    entry.ip === null ? entry.channel : `${entry.channel} ${entry.ip}`,
    typeof count === 'number' && count > 1 ? String(count) : '',
  ];
};

/** `filters`: names of options. */
export async function exportLog(scene: Scene, typed: Typed, filters: readonly string[]): Promise<undefined> {
  const [file = '-'] = typed.args;
  const format = textOf(typed, 'format') ?? (file.endsWith('.csv') ? 'csv' : 'jsonl');
  if (format !== 'jsonl' && format !== 'csv') throw new UsageError('--format is jsonl or csv');
  const given = filters.flatMap((name) => {
    const value = textOf(typed, name);
    return value === undefined ? [] : [[name.replaceAll('-', '_'), value]];
  });
  const query = new URLSearchParams([['format', format], ...given]);
  const { body } = await scene.transport().raw({ method: 'GET', path: `/api/v2/audit?${query}` });
  const stream: AsyncIterable<Uint8Array> = body ?? Readable.from([]);
  if (file === '-') {
    for await (const chunk of stream) await scene.terminal.bytes(chunk);
    return undefined;
  }
  const size = await keep(stream, file, { named: 'the audit log' });
  if (scene.terminal.json) show(scene.terminal, { local: file, format, size });
  else scene.terminal.err(`${safe(file)}: ${bytesText(size)}\n`);
  return undefined;
}

/** 1 where something is not as it was written. */
export async function verifyLog(scene: Scene, typed: Typed): Promise<number> {
  const file = textOf(typed, 'heads');
  const before = file === undefined ? [] : headsIn(file);
  const params = { all: Boolean(typed.options.all), ...(before.length > 0 ? { heads: before } : {}) };
  const report = (await scene.transport().rpc('audit_verify', params)) as Report;
  if (file !== undefined && report.ok) keepHeads(file, before, report);
  if (scene.terminal.json) show(scene.terminal, report);
  else showReport(scene, report);
  return report.ok ? 0 : 1;
}

function showReport({ terminal }: Scene, { ok, logs, problems }: Report): void {
  table(
    terminal,
    [
      { title: 'ZONE' },
      { title: 'LOG' },
      { title: 'ROWS', right: true },
      { title: 'PRUNED', right: true },
      { title: 'HEAD' },
    ],
    logs.map(({ zone_id, log, rows, pruned_to, head }) => [
      zone_id,
      log,
      String(rows),
      String(pruned_to),
      head.hash.slice(0, 16),
    ]),
  );
  for (const { zone_id, log, text: what } of problems) terminal.out(`${safe(zone_id)} ${log}: ${safe(what)}\n`);
  const verdict = ok ? 'the log is as it was written' : `${plural(problems.length, 'problem')} found`;
  terminal.err(`${paint(terminal, ok ? 'green' : 'red', verdict)}\n`);
}

function headsIn(file: string): Head[] {
  if (!existsSync(file)) return [];
  try {
    const heads: unknown = parseJson(readFileSync(file, 'utf8'));
    if (Array.isArray(heads)) return heads as Head[];
  } catch {
    // Said below, as of any other file that is none.
  }
  throw new UsageError(`${file} holds no heads of audit logs; name another file`);
}

/** Those of zones that were not looked at stay. */
function keepHeads(file: string, before: readonly Head[], { logs }: Report): void {
  const now = logs.map(({ head }) => head);
  const others = before.filter((head) => !now.some((one) => one.zone_id === head.zone_id && one.log === head.log));
  writeFileSync(`${file}.new`, `${JSON.stringify([...others, ...now], null, 1)}\n`);
  renameSync(`${file}.new`, file);
}
