/** The corpus on the command line: tables and summaries for people, the answer for programs, what to do about what is wrong. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Typing, typeLine } from '../../../test/command-line.ts';
import { type CorpusServer, startCorpus } from '../../../test/corpus/server.ts';
import { analysisViews } from './shell/corpus/analyses.ts';
import { branchViews } from './shell/corpus/branches.ts';
import { ANALYSIS_LINES, BRANCH_LINES, DOCUMENT_LINES, GOVERNANCE_LINES } from './shell/corpus/commands.ts';
import { documentViews } from './shell/corpus/documents.ts';
import { governanceViews } from './shell/corpus/governance.ts';
import { beginningOf, fieldsText } from './shell/corpus/texts.ts';

const ID = '[0-9a-f-]{36}';
let corpus: CorpusServer;
beforeAll(async () => {
  corpus = await startCorpus();
  corpus.write('one.md', 'A small text. With two sentences.');
  corpus.write('two.md', 'Therefore evidence; everyone knows that we hope.');
  await corpus.ingest(['one.md', 'two.md']);
});
afterAll(() => corpus.stop());

const type = (line: readonly string[], how?: Typing) => typeLine(corpus.server, line, how);
const lines = (text: string): string[] => text.trimEnd().split('\n');
/** An answer as a program gets it. */
const json = async <T>(...line: string[]): Promise<T> => JSON.parse((await type(line, { json: true })).out) as T;

describe('documents', () => {
  test('are a table, one of them a summary, its atoms a table', async () => {
    const { id } = await corpus.document(join(corpus.folder, 'one.md'));
    const list = await type(['documents', 'list', '--limit', '1']);
    expect(lines(list.out)).toEqual([
      expect.stringMatching(/^DOCUMENT +MODALITY +STATUS +ATOMS +UPDATED +PATH$/),
      expect.stringMatching(new RegExp(`^${id}  text +ingested +45  [-0-9]+ [:0-9]+  \\S+/one\\.md$`)),
    ]);
    expect(list.err).toMatch(/^… 1 of \d+ documents, more: --offset 1\n$/);
    const { out, err } = await type(['document', 'get', id]);
    expect(out).not.toContain('atom:');
    expect(lines(out)).toEqual(
      expect.arrayContaining([
        `document  ${id}`,
        'status    ingested',
        'text      33 characters',
        'atoms     45: glyph-seed, syllable, word, sentence, paragraph',
        'A small text. With two sentences.',
      ]),
    );
    expect(err).toBe(`  all of it: nexus document text ${id}\n`);
    expect((await type(['document', 'text', id])).out).toBe('A small text. With two sentences.');
    const atoms = await type(['document', 'atoms', id, 'word', '--limit', '2']);
    expect(lines(atoms.out).map((line) => line.trim().split(/ +/))).toEqual([
      ['ORDINAL', 'LENGTH', 'CONTENT', 'FILE'],
      ['1', '1', 'A', 'ONE_WORD_000001_a.txt'],
      ['2', '5', 'small', 'ONE_WORD_000002_small.txt'],
    ]);
    expect(atoms.err).toBe('… 2 of 6 atoms, more: --offset 2\n');
    expect((await type(['document', 'atoms', id, 'glyph-seed', '--limit', '1'])).out).toContain(
      'LATIN CAPITAL LETTER A',
    );
    expect(await json('document', 'get', id)).toMatchObject({ id, provenance: { text_chars: 33 } });
  });

  test('a check is a table, and fails where something is not whole', async () => {
    const path = corpus.write('check.md', 'Whole. Text.');
    await corpus.ingest([path]);
    const { id } = await corpus.document(path);
    const whole = await type(['graph', 'check', id], { color: true });
    expect(whole.code).toBe(0);
    expect(whole.out).toMatch(/atom_count:word +\u001b\[32mok\u001b\[0m +2 +2\n/);
    expect((await type(['graph', 'query', `doc:${id}`, '--limit', '1'])).err).toBe('2 nodes, 1 edge\n');
    expect((await type(['graph', 'query'])).err).toContain('name a node');
    await corpus.server.sql.write('root', (tx) =>
      tx.run('DELETE FROM corpus_blocks WHERE document_id = ? AND level = 2', [id]),
    );
    for (const how of [{}, { json: true }]) expect((await type(['graph', 'check', id], how)).code).toBe(1);
    const broken = await type(['graph', 'check', id]);
    expect(broken.out).toMatch(/atom_count:word +NOT ok +2 +0\n/);
    expect(broken.err).toContain('is NOT whole');
  });

  test('what is not there says where to look', async () => {
    for (const line of ['document get x', 'document text x', 'document atoms x word', 'graph check x']) {
      const { code, err } = await type(line.split(' '));
      expect([line, code, err]).toEqual([line, 4, expect.stringContaining('nexus document list')]);
    }
    const { id } = await corpus.document(join(corpus.folder, 'one.md'));
    expect((await type(['document', 'atoms', id, 'sentense'])).err).toContain('the nearest is "sentence"');
    expect((await type(['document', 'atoms', '--help'])).out).toContain('which atoms: glyph-seed, syllable, word');
  });
});

describe('analyses', () => {
  test('are a line for each layer, and lists name what they are of', async () => {
    const { id } = await corpus.document(join(corpus.folder, 'two.md'));
    const made = await type(['analysis', 'run', id, '--layers', 'token,rhetoric']);
    expect(lines(made.out)).toEqual([
      expect.stringMatching(new RegExp(`^analysis  ${ID}$`)),
      'status    completed',
      'mode      PUBLIC',
      '',
      expect.stringMatching(/^LAYER +SURE +BY +FOUND$/),
      expect.stringMatching(/^token +0\.72 +deterministic +token count 7; unique tokens 7; top tokens therefore, /),
      expect.stringMatching(/^rhetoric +0\.74 +deterministic +.*strategies .*fallacies bandwagon/),
    ]);
    const { runs } = await json<{ readonly runs: readonly { readonly analysis_run_id: string }[] }>('analysis', 'list');
    const run = runs[0]?.analysis_run_id ?? '';
    expect((await type(['analysis', 'get', run])).out).toMatch(/^ran +sync$/m);
    expect((await type(['analysis', 'list', '--limit', '1'])).out).toMatch(
      new RegExp(`^${run} .* document ${id}  `, 'm'),
    );
    expect((await type(['analysis', 'list', '--limit', '1'])).err).toBe('… more: --offset 1\n');
    expect((await type(['analysis', 'run', id, '--layers', 'tokn'])).err).toContain('the nearest is "token"');
    expect((await type(['analysis', 'run'])).err).toContain('nexus analysis run DOCUMENT_ID, or --branch-id');
    expect((await type(['analysis', 'get', id])).err).toContain('nexus analysis list');
    expect((await type(['analysis', 'shadow', run])).err).toContain('--execution-mode shadow');
    expect((await type(['analysis', 'rhetoric', 'Therefore hope.'])).out).toMatch(/^logos +1\.0000 \(1 word\)$/m);
    const queued = await type(['analysis', 'run', id, '--execution-mode', 'async']);
    expect(queued.err).toMatch(new RegExp(`nexus job get ${ID} tells`));
  });
});

describe('branches and remixes', () => {
  test('a lineage is a table of its events, and texts stand below', async () => {
    const { id } = await corpus.document(join(corpus.folder, 'one.md'));
    const first = await type(['branch', 'evolve', 'natural_drift', '--root-document-id', id]);
    expect(first.out).toMatch(/^did +replacements \d+, before chars 33, after chars \d+$/m);
    const newest = async (): Promise<string> =>
      (await json<{ readonly branches: readonly { readonly id: string }[] }>('branch', 'list')).branches[0]?.id ?? '';
    const root = await newest();
    const events = '[{"event_type":"glyph_fusion"},{"event_type":"reverse_drift"}]';
    const many = await type(['branch', 'evolve-many', '--parent-branch-id', root, '--events', events]);
    expect(lines(many.out)[2]).toMatch(new RegExp(`^2  ${ID}  ${ID}$`));
    const child = await newest();
    const list = await type(['branch', 'list']);
    expect(lines(list.out)[0]).toMatch(/^BRANCH +MODE +VERSION +CREATED +FROM$/);
    expect(list.out).toMatch(new RegExp(`^${root}  PUBLIC +1  .* document ${id}$`, 'm'));
    const timeline = await type(['branch', 'timeline', child]);
    expect(lines(timeline.out).slice(0, 3)).toEqual([
      expect.stringMatching(/^# +WHEN +EVENT +BRANCH +WITH +DID$/),
      expect.stringMatching(new RegExp(`^1 .* natural_drift  ${root}  seed 0 +replacements \\d+, before chars 33`)),
      expect.stringMatching(/^2 .* glyph_fusion .* left A, right E, fused Æ, seed 0 +fusions \d+, pair AE, before/),
    ]);
    expect([timeline.code, timeline.err]).toEqual([0, 'its events make the text that is kept\n']);
    expect((await type(['branch', 'replay', child])).out).toMatch(/^events +3$/m);
    expect((await type(['branch', 'compare', root, root])).out).toMatch(/\nequal\n$/);
    expect((await type(['branch', 'compare', root, child])).out).toMatch(
      /not equal: \d+ characters? of their beginnings/,
    );
    const merged = await type(['branch', 'merge', child, root]);
    expect(merged.out).toMatch(new RegExp(`^last common  ${root}$`, 'm'));
    expect((await type(['branch', 'graph', await newest()])).err).toBe('4 events, 4 deep, 0 branches merged in\n');
    expect((await type(['branch', 'evolve', 'natural-drift', '--root-document-id', id])).err).toContain(
      '"natural_drift"',
    );
    expect((await type(['branch', 'evolve', 'natural_drift'])).err).toContain('--parent-branch-id BRANCH_ID');
    expect((await type(['branch', 'replay', id])).err).toContain('nexus branch list');
    await corpus.server.sql.write('root', (tx) =>
      tx.run('UPDATE corpus_branches SET text_hash = ? WHERE branch_id = ?', ['0'.repeat(64), child]),
    );
    const spoiled = await type(['branch', 'replay', child]);
    expect([spoiled.code, spoiled.err]).toEqual([1, 'its events make ANOTHER text than is kept\n']);
  });

  test('a remix is shown with its text and what governance says', async () => {
    const ids = [];
    for (const name of ['one.md', 'two.md']) ids.push((await corpus.document(join(corpus.folder, name))).id);
    const [one = '', two = ''] = ids;
    const sides = ['--source-document-id', one, '--target-document-id', two];
    const made = await type(['remix', 'compose', ...sides]);
    expect(made.out).toMatch(/^judged +allowed in PUBLIC: nothing found$/m);
    expect(made.out).toMatch(/\n\nA Therefore small evidence; .*\n$/);
    const levels = await type([
      'remix',
      'compose',
      ...sides,
      '--atom-levels=word,sentence',
      '--atom-levels',
      '["paragraph"]',
    ]);
    expect(levels.out).toMatch(/^atoms +\d+$/m);
    expect((await type(['remix', 'make', ...sides])).out).toMatch(/^strategy +interleave$/m);
    const list = await type(['remix', 'list']);
    expect(list.out).toMatch(new RegExp(`^${ID}  interleave +0  PUBLIC  .*  ${one}  ${two}  ${ID}$`, 'm'));
    const { remixes } = await json<{ readonly remixes: readonly { readonly remix_artifact_id: string }[] }>(
      'remix',
      'list',
    );
    const shown = await type(['remix', 'get', remixes[0]?.remix_artifact_id ?? '']);
    expect(shown.out).toMatch(new RegExp(`^source +document ${one}$`, 'm'));
    expect((await type(['remix', 'get', one])).err).toContain('nexus remix list');
    expect((await type(['remix', 'compose', ...sides, '--strategy', 'colide'])).err).toContain('"glyph_collide"');
    expect((await type(['remix', 'compose', '--source-document-id', 'x', '--target-document-id', two])).err).toContain(
      'nexus document list',
    );
  });
});

test('governance and seed texts are tables', async () => {
  const judged = await type(['governance', 'evaluate', 'they hate what they kill']);
  expect(judged.out).toMatch(/^judged +blocked in PUBLIC: found hate, kill$/m);
  expect(judged.out).toMatch(/^hate +hate +5 +9$/m);
  const list = await type(['governance', 'list', '--limit', '1'], { color: true });
  expect(list.out).toMatch(/\u001b\[31mblocked\u001b\[0m +PUBLIC +version 1 +hate, kill +root:\d+\n$/);
  expect((await type(['seed-text', 'list'])).out).toMatch(/^Ulysses +James Joyce +not here +https:/m);
  expect((await type(['seed-text', 'fetch', 'Nothing'])).err).toContain('nexus seed-text list');
});

test('each command that is shown in its own way is loaded for that', () => {
  const loaded = [
    [DOCUMENT_LINES, documentViews],
    [ANALYSIS_LINES, analysisViews],
    [BRANCH_LINES, branchViews],
    [GOVERNANCE_LINES, governanceViews],
  ] as const;
  for (const [named, views] of loaded) expect([...named].sort()).toEqual(views.map(({ words }) => words).sort());
});

test('texts are cut to a line, and nothing in them reaches the terminal as a command', () => {
  expect(beginningOf('a\n  b\u001b[31m')).toBe('a b\\x1b[31m');
  expect(beginningOf('abc', 2)).toBe('ab…');
  expect(fieldsText({ seed: 0, left_text_hash: 'x', target_id: 'y', rate: 0.5, nested: {}, none: '' })).toBe(
    'seed 0, rate 0.5',
  );
});
