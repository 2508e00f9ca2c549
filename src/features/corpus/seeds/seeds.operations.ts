/**
 * Texts that a corpus can begin with (corpus.md §15). Guarantees: a text is fetched whole or not at all, and only where there is
 * none yet; it is ingested as any other file of the corpus folder is.
 */
import { z } from 'zod';
import { Fault } from '../../../base/faults.ts';
import { type Call, type Operation, ofBrick, type Preparation } from '../../../core/operation.ts';
import { SeedNotFetched } from '../../../ports/seed-texts.ts';
import { type DocumentRow, findByPlace } from '../documents/documents.sql.ts';
import { batchPayload } from '../ingest/batch.ts';
import { outcomesOf, runBatch } from '../ingest/ingest.operations.ts';
import { corpusRootMissing } from '../ingest/plan.ts';
import { findSeed, SEEDS, type Seed } from './seeds.ts';

/** The only zone that has a corpus folder. */
const ZONE = 'root';

const findIngested = async (
  { tx, zone }: Pick<Call, 'tx' | 'zone'>,
  path: string,
): Promise<DocumentRow | undefined> => {
  const row = await findByPlace(tx, zone.zone_id, { source: 'disk', path });
  return row?.status === 'ingested' || row?.status === 'ingested_with_warnings' ? row : undefined;
};

const nothing = z.object({});
const seedItem = z.object({
  title: z.string(),
  author: z.string(),
  language: z.string(),
  source_url: z.string(),
  local_path: z.string().nullable(),
  atomization_status: z.enum(['provisioned', 'not_provisioned']).describe('whether it has been ingested'),
});
const listOutput = z.object({ seeds: z.array(seedItem) });
export type SeedList = z.infer<typeof listOutput>;

/** Paths of the texts that are there, by the names of their files. */
type Paths = readonly (string | undefined)[];

const list: Operation<z.infer<typeof nothing>, SeedList, Paths> = {
  name: 'seed-text.list',
  summary: 'List texts that the corpus can begin with.',
  effect: 'read',
  who: { role: 'viewer' },
  input: nothing,
  output: listOutput,
  faults: [],
  http: { method: 'GET', path: '/api/v1/corpus/seeds', tolerant: true },
  cli: { words: 'seed-text list' },
  prepare: (_input, { context, seeds }) =>
    Promise.all(SEEDS.map(({ name }) => (context.zone_id === ZONE ? seeds.find(name) : undefined))),
  run: async (call, paths) => {
    const seeds: SeedList['seeds'] = [];
    for (const [n, { title, author, url }] of SEEDS.entries()) {
      const path = paths[n];
      const row = path === undefined ? undefined : await findIngested(call, path);
      seeds.push({
        title,
        author,
        language: 'English',
        source_url: url,
        local_path: path ?? null,
        atomization_status: row ? 'provisioned' : 'not_provisioned',
      });
    }
    return { seeds };
  },
};

const fetchInput = z.object({ title: z.string().describe('title of a seed text, in any case') });
const fetchOutput = z.object({
  title: z.string(),
  status: z.enum(['provisioned', 'already_provisioned']),
  local_path: z.string().nullable(),
  document_id: z.string().nullable(),
});
export type SeedFetched = z.infer<typeof fetchOutput>;

const pathInput = z.object({ path: z.string().nullable() });
const ingestedAt: Operation<z.infer<typeof pathInput>, string | null> = {
  name: 'seed-text.find',
  summary: 'Find the document of a text of the corpus folder that was ingested.',
  effect: 'read',
  who: { role: 'admin' },
  internal: true,
  input: pathInput,
  output: z.string().nullable(),
  faults: [],
  run: async (call, { path }) => (path === null ? null : ((await findIngested(call, path))?.document_id ?? null)),
};

async function fetched({ title, name, url }: Seed, { seeds }: Preparation): Promise<string> {
  try {
    return await seeds.fetch(name, new URL(url));
  } catch (thrown) {
    if (!(thrown instanceof SeedNotFetched)) throw thrown;
    throw new Fault('UPSTREAM_FAILED', `${title} cannot be fetched from ${url}: ${thrown.message}`);
  }
}

interface Ready {
  readonly seed: Seed;
  readonly path: string;
  /** The document that was there already, or the batch that ingested the text. */
  readonly document_id: string | null;
  readonly job_id: string | null;
}

async function provide({ title }: { readonly title: string }, preparation: Preparation): Promise<Ready> {
  const { context, seeds, run } = preparation;
  const seed = findSeed(title);
  const found = seed && context.zone_id === ZONE ? await seeds.find(seed.name) : undefined;
  // Asked whatever is wrong with the title, for a zone that is not there is told first.
  const document_id = await run(ingestedAt, { path: found ?? null });
  if (!seed) throw new Fault('BAD_REQUEST', `Unknown seed text: ${title.slice(0, 200)}`);
  if (context.zone_id !== ZONE || !(await seeds.exists())) throw corpusRootMissing();
  if (found !== undefined && document_id !== null) return { seed, path: found, document_id, job_id: null };
  const path = found ?? (await fetched(seed, preparation));
  const { job_id } = await runBatch(batchPayload.parse({ source_paths: [path] }), preparation);
  return { seed, path, document_id: null, job_id };
}

const fetchText: Operation<z.infer<typeof fetchInput>, SeedFetched, Ready> = {
  name: 'seed-text.fetch',
  tool: 'fetch_seed_text',
  summary: 'Fetch a seed text into the corpus folder, and ingest it.',
  effect: 'write',
  who: { role: 'admin' },
  input: fetchInput,
  output: fetchOutput,
  faults: ['BAD_REQUEST', 'CONFLICT', 'LIMIT_EXCEEDED', 'QUOTA_EXCEEDED', 'TOO_MANY', 'UNAVAILABLE', 'UPSTREAM_FAILED'],
  http: { method: 'POST', path: '/api/v1/corpus/seed', tolerant: true },
  cli: { words: 'seed-text fetch', args: ['title'] },
  object: ({ path }) => path,
  prepare: provide,
  run: async (call, { seed: { title }, path: local_path, document_id, job_id }) => {
    if (job_id === null) return { title, status: 'already_provisioned', local_path, document_id };
    const [outcome] = await outcomesOf(call, job_id);
    if (outcome?.status === 'conflict')
      throw new Fault('CONFLICT', `${title}: ${outcome.error ?? 'Conflict markers detected'}`);
    if (!outcome || outcome.document_id === null)
      throw new Fault('BAD_REQUEST', `${title}: ${outcome?.error ?? 'not ingested'}`);
    return { title, status: 'provisioned', local_path, document_id: outcome.document_id };
  },
};

export const seedOperations = ofBrick('corpus', [list, ingestedAt, fetchText]);
