/**
 * Batches on a server that is killed at any moment: `node test/crash/ingest.ts [--kills 100] [--characters 400000] [--seed N]`.
 * Guarantees that it checks after each restart, before and after the batch was retried: the document is whole, the old text or the
 * new one; its atoms are those of that text, none missing or twice; the audit of the zone finds nothing.
 */
import { strict as assert } from 'node:assert';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { LEVELS } from '../../src/features/corpus/documents/levels.ts';
import { splitText } from '../../src/features/corpus/text/split.ts';
import { type Chance, chanceOf, upTo } from './acts.ts';
import { ADMIN_KEY, buildProgram, type Child, type Program, startChild } from './program.ts';

export interface IngestCampaign {
  readonly kills: number;
  /** Characters of a text at most. */
  readonly characters: number;
  readonly seed: number;
  /** Told of each kill. */
  readonly told?: (kills: number, result: IngestResult) => void;
}

export interface IngestResult {
  readonly kills: number;
  /** After which the document was still the old one. */
  readonly old: number;
}

/** What a document has to be for a text. */
interface Expected {
  readonly text: string;
  readonly atoms: number;
}

const WORDS = [
  'the',
  'river',
  'naïve',
  'Æther',
  'carried',
  '😀',
  'old',
  "don't",
  'boats.',
  'slowly!',
  'past\n\n',
  'mill;',
];

function expectedOf(chance: Chance, characters: number): Expected {
  const parts: string[] = [];
  for (let length = 0; length < characters; length += parts.at(-1)?.length ?? 1) {
    parts.push(`${WORDS[upTo(chance, WORDS.length)]} `);
  }
  const text = parts.join('');
  let atoms = 0;
  for (const { made } of splitText({ text: Buffer.from(text), levels: LEVELS })) atoms += made?.atoms ?? 0;
  return { text, atoms };
}

export async function ingestCampaign({ kills, characters, seed, told }: IngestCampaign): Promise<IngestResult> {
  const directory = mkdtempSync(join(tmpdir(), 'nexus-ingest-'));
  const folder = join(directory, 'corpus');
  mkdirSync(folder);
  const settings = () => ({
    NEXUS_CORPUS_ROOT: folder,
    NEXUS_WORKER_POLL_SECONDS: '0.1',
    NEXUS_WORKER_LEASE_SECONDS: '2',
  });
  const program: Program = { ...buildProgram(), settings };
  const chance = chanceOf(seed);
  const result = { kills: 0, old: 0 };
  try {
    let before = await firstOf(program, { directory, folder, expected: expectedOf(chance, characters) });
    while (result.kills < kills) {
      const next = expectedOf(chance, 1 + upTo(chance, characters));
      result.old += await killOnce(program, { directory, folder, before, next, chance });
      before = next;
      result.kills++;
      told?.(result.kills, result);
    }
    return result;
  } finally {
    program.remove();
    rmSync(directory, { recursive: true, force: true });
  }
}

interface Place {
  readonly directory: string;
  readonly folder: string;
}

const write = ({ folder }: Place, { text }: Expected): void => writeFileSync(join(folder, 'one.txt'), text);

async function firstOf(program: Program, place: Place & { readonly expected: Expected }): Promise<Expected> {
  const server = await startChild(program, place);
  write(place, place.expected);
  await ended(server, await submit(server));
  await checkIt(server, [place.expected]);
  await server.kill();
  return place.expected;
}

/** 1 where the kill left the old document. */
async function killOnce(
  program: Program,
  round: Place & { readonly before: Expected; readonly next: Expected; readonly chance: Chance },
): Promise<number> {
  const { before, next, chance } = round;
  const first = await startChild(program, round);
  write(round, next);
  const job = await submit(first);
  // An ingest of so many characters takes some hundred milliseconds.
  await sleep(upTo(chance, 50 + next.text.length / 800));
  await first.kill();
  const second = await startChild(program, round);
  const found = await checkIt(second, [before, next]);
  // Killed again while it makes up for it, every other time.
  let third = second;
  if (upTo(chance, 2) === 0) {
    await sleep(upTo(chance, 3_000));
    await second.kill();
    third = await startChild(program, round);
  }
  await checkIt(third, [before, next]);
  await ended(third, job);
  await checkIt(third, [next]);
  await third.kill();
  return found === before && before.text !== next.text ? 1 : 0;
}

async function ask<T>({ url }: Child, path: string, body?: object): Promise<T> {
  const headers = { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' };
  const init = body ? { method: 'POST', body: JSON.stringify(body) } : {};
  const answer = await fetch(`${url}/api/v1${path}`, { headers, ...init });
  const text = await answer.text();
  assert.equal(answer.status, 200, `${path}: ${text}`);
  return (path.endsWith('/text') ? text : JSON.parse(text)) as T;
}

async function submit(server: Child): Promise<string> {
  const payload = { source_paths: ['one.txt'], parse_options: { force: true } };
  const { job_id } = await ask<{ job_id: string }>(server, '/jobs/submit', {
    job_type: 'ingest_batch',
    payload,
    max_attempts: 10,
  });
  return job_id;
}

async function ended(server: Child, job: string): Promise<void> {
  for (;;) {
    const { status, error_text } = await ask<{ status: string; error_text: string | null }>(server, `/jobs/${job}`);
    assert.notEqual(status, 'failed', error_text ?? '');
    if (status === 'succeeded') return;
    await sleep(100);
  }
}

/** Which of the texts the document is whole of. */
async function checkIt(server: Child, expected: readonly Expected[]): Promise<Expected> {
  // What an ingest changes in between two calls is looked at again.
  for (let tries = 0; ; tries++) {
    const { documents } = await ask<{ documents: { id: string; atom_count: number; updated_at: string }[] }>(
      server,
      '/documents',
    );
    const [document] = documents;
    assert.ok(document);
    const text = await ask<string>(server, `/documents/${document.id}/text`);
    const found = expected.find((one) => one.text === text);
    const job = await ask<{ job_id: string }>(server, '/jobs/submit', {
      job_type: 'integrity_audit',
      execution_mode: 'sync',
    });
    const { result } = await ask<{ result: object }>(server, `/jobs/${job.job_id}`);
    const after = await ask<{ documents: { updated_at: string }[] }>(server, '/documents');
    if (after.documents[0]?.updated_at !== document.updated_at && tries < 20) continue;
    assert.ok(found, 'the text is neither the old one nor the new one');
    assert.equal(document.atom_count, found.atoms);
    assert.deepEqual(result, { document_count: 1, inconsistencies: [], inconsistency_count: 0 });
    return found;
  }
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      kills: { type: 'string', default: '100' },
      characters: { type: 'string', default: '400000' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    },
  });
  const options = { kills: Number(values.kills), characters: Number(values.characters), seed: Number(values.seed) };
  process.stdout.write(`${JSON.stringify(options)}\n`);
  const result = await ingestCampaign({
    ...options,
    told: (kills, { old }) => process.stdout.write(`\r${kills} kills, the old document stayed after ${old} `),
  });
  process.stdout.write(`\n${JSON.stringify(result)}: no violation\n`);
}
