/** Writes docs/api.md from the lists: operations, faults, limits, settings. `node tools/api-docs.ts` after a change of them. */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { exitCodeOf, FAULTS } from '../src/base/faults.ts';
import { limitKey, limitRows } from '../src/base/limits.ts';
import { ownCalls } from '../src/channels/http/own-call-list.ts';
import type { RoutedCall } from '../src/channels/http/own-calls.ts';
import { CLIENT_KEYS } from '../src/config/client-keys.ts';
import { KEYS } from '../src/config/table.ts';
import type { AnyOperation } from '../src/core/operation.ts';
import { publicOperations } from '../src/core/operations.ts';
import { isNeeded, shapeOf } from '../src/core/shape-of.ts';
import { toolOf } from '../src/core/tools.ts';

export const API_FILE = fileURLToPath(new URL('../docs/api.md', import.meta.url));

/** A text as the cell of a Markdown table. */
const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

const table = (titles: readonly string[], rows: readonly (readonly string[])[]): string =>
  [titles, titles.map(() => '---'), ...rows].map((row) => `| ${row.map(cell).join(' | ')} |`).join('\n');

const who = (operation: AnyOperation): string =>
  typeof operation.who === 'string' ? operation.who : operation.who.role;

interface Json {
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly anyOf?: readonly { readonly type?: string }[];
  readonly description?: string;
}

const jsonOf = (schema: z.ZodType): Json => z.toJSONSchema(schema, { unrepresentable: 'any', io: 'input' }) as Json;

function typeText({ type, enum: words, anyOf }: Json): string {
  if (words) return words.join(', ');
  if (type) return type;
  const types = [...new Set((anyOf ?? []).map((one) => one.type).filter((one) => one !== undefined))];
  return types.join(' or ') || 'any';
}

function parameterRow(name: string, schema: z.ZodType): string[] {
  const json = jsonOf(schema);
  const needed = isNeeded(schema) ? ' (required)' : '';
  return [`\`${name}\`${needed}`, typeText(json), json.description ?? ''];
}

function operationText(operation: AnyOperation): string {
  const tool = toolOf(operation);
  const calls = [
    operation.rpc
      ? [operation.rpc.name, ...(operation.rpc.aliases ?? [])].map((name) => `\`POST /api/nfs/${name}\``).join(', ')
      : '',
    ...[operation.http?.path ?? [], operation.http?.aliases ?? []]
      .flat()
      .map((path) => `\`${operation.http?.method} ${path}\``),
    operation.cli ? `\`nexus ${operation.cli.words}\`` : '',
    tool ? `tool \`${tool.name}\`` : '',
  ].filter((call) => call !== '');
  const rows = Object.entries(shapeOf(operation)).map(([name, schema]) => parameterRow(name, schema));
  const { stream } = operation;
  const streamed = stream ? `Streams \`${stream.media}\`${stream.whenAccepted ? ' where that is accepted' : ''}.` : '';
  const parts = [
    `### ${operation.name}`,
    `${operation.summary} (${operation.effect}, ${who(operation)}${operation.brick ? `, brick \`${operation.brick}\`` : ''})`,
    calls.join(' · '),
  ];
  if (rows.length > 0) parts.push(table(['parameter', 'type', 'meaning'], rows));
  if (streamed !== '') parts.push(streamed);
  if (operation.faults.length > 0) parts.push(`Faults: ${operation.faults.join(', ')}.`);
  return parts.join('\n\n');
}

function operationsText(): string {
  const offered = publicOperations.filter((operation) => operation.rpc || operation.http);
  const groups = Map.groupBy(offered, (operation) => operation.name.split('.')[0] ?? '');
  return [...groups].map(([noun, own]) => [`## ${noun}`, ...own.map(operationText)].join('\n\n')).join('\n\n');
}

function ownCallText(call: RoutedCall): string {
  const { method, path, summary, operation, query = {}, headers = {}, answers = {}, faults = [] } = call;
  const stands = operation ? ` (operation \`${operation.name}\`)` : '';
  const named = (where: string, texts: Readonly<Record<string, string>>): string[][] =>
    Object.entries(texts).map(([name, about]) => [
      `\`${name.replace(/!$/, '')}\`${name.endsWith('!') ? ' (required)' : ''}`,
      where,
      about,
    ]);
  const rows = [...named('query', query), ...named('header', headers), ...named('header of the answer', answers)];
  const others = Object.entries(call.others ?? {}).map(([status, { about }]) => `${status} (${about})`);
  return [
    `### ${method} ${path}`,
    `${summary}${stands}`,
    ...(rows.length > 0 ? [table(['name', 'where', 'meaning'], rows)] : []),
    `Answers: ${[call.status, ...others].join(', ')}.${faults.length > 0 ? ` Faults beside those of every call: ${faults.join(', ')}.` : ''}`,
  ].join('\n\n');
}

const faultsText = (): string =>
  table(
    ['code', 'HTTP', 'JSON-RPC', 'exit', 'retry', 'when'],
    Object.entries(FAULTS).map(([code, row]) => [
      code,
      String(row.http),
      row.rpc === 'http' ? 'HTTP' : String(row.rpc),
      String(exitCodeOf(row.http)),
      row.retry,
      row.when,
    ]),
  );

const limitsText = (): string =>
  table(
    ['limit', 'setting', 'default', 'of what'],
    limitRows.map(([name, limit]) => [name, `NEXUS_${limitKey(name, limit)}`, String(limit.default), limit.about]),
  );

const settingsText = (): string =>
  table(
    ['setting', 'default', 'meaning'],
    Object.entries({ ...KEYS, ...CLIENT_KEYS }).map(([key, row]) => [`NEXUS_${key}`, row.default, row.about]),
  );

export function apiDocument(): string {
  return [
    '# API',
    'Generated from the lists in the source by `node tools/api-docs.ts`; a test compares them.',
    'The header `Idempotency-Key` (1 to 255 visible ASCII characters) makes a call that changes something safe to send again: within a day the same caller gets the first answer, byte for byte, with `Idempotent-Replayed: true`; with another body it is CONFLICT (`IDEMPOTENCY_MISMATCH`). What failed has not taken the key. An answer that is shown once (a new key) is not given again: CONFLICT (`SHOWN_ONCE`). It is for single calls, not for an array of JSON-RPC calls.',
    operationsText(),
    '## Calls with headers and bodies of their own',
    ...ownCalls.map(ownCallText),
    '## Faults',
    faultsText(),
    '## Limits',
    limitsText(),
    '## Settings',
    settingsText(),
    '',
  ].join('\n\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(API_FILE, apiDocument());
