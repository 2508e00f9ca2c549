/**
 * The suite of the upload protocol against any server by its URL:
 * `node test/tus/suite.ts --url http://host/files [--header 'Authorization: Bearer …'] [--json]`. Ends with 1 where a row fails.
 */
import { parseArgs } from 'node:util';
import { TusClient } from './client.ts';
import type { Row } from './row.ts';
import { rows } from './rows.ts';

export interface Score {
  readonly row: Row;
  /** Null: it holds. */
  readonly failure: string | null;
  /** The server does not offer the extension. */
  readonly left: boolean;
}

export async function score(client: TusClient): Promise<Score[]> {
  const { headers } = await client.options();
  const offered = String(headers['tus-extension'] ?? '').split(',');
  const scores: Score[] = [];
  for (const row of rows) {
    const left = row.extension !== undefined && !offered.includes(row.extension);
    const failure = left
      ? null
      : await row.check(client).then(
          () => null,
          (thrown: unknown) => reason(thrown),
        );
    scores.push({ row, failure, left });
  }
  return scores;
}

const reason = (thrown: unknown): string =>
  (thrown instanceof Error ? thrown.message : String(thrown)).split('\n')[0] ?? '';

export function summary(scores: readonly Score[]): string {
  const asked = scores.filter(({ left }) => !left);
  const held = asked.filter(({ failure }) => failure === null).length;
  return `${held} of ${asked.length} rows hold, ${scores.length - asked.length} belong to extensions that are not offered`;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { url: { type: 'string' }, header: { type: 'string', multiple: true }, json: { type: 'boolean' } },
  });
  if (!values.url) throw new Error('--url URL of the collection of uploads is missing');
  const pairs = (values.header ?? []).map((text) => [
    text.slice(0, text.indexOf(':')),
    text.slice(text.indexOf(':') + 1).trim(),
  ]);
  const scores = await score(new TusClient(values.url, Object.fromEntries(pairs)));
  if (values.json)
    console.log(
      JSON.stringify(
        scores.map(({ row, failure, left }) => ({ id: row.id, level: row.level, says: row.says, failure, left })),
      ),
    );
  else {
    for (const { row, failure, left } of scores) {
      const outcome = left ? 'not offered' : (failure ?? 'ok');
      console.log(`${row.id.padEnd(18)} ${row.level.padEnd(6)} ${row.says}: ${outcome}`);
    }
    console.log(summary(scores));
  }
  process.exitCode = scores.some(({ failure }) => failure !== null) ? 1 : 0;
}

if (import.meta.main) await main();
