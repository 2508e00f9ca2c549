/** The corpus on the command line: batches of any paths with what came of them, tables, and what to do about what is wrong. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openPlace, type Typing, typeLine } from '../../../test/command-line.ts';
import { type CorpusServer, startCorpus } from '../../../test/corpus/server.ts';
import { nexus, nexusOnTerminal } from '../../../test/nexus-process.ts';
import { analysisViews } from './shell/corpus/analyses.ts';
import { branchViews } from './shell/corpus/branches.ts';
import {
  ANALYSIS_LINES,
  BRANCH_LINES,
  DOCUMENT_LINES,
  GOVERNANCE_LINES,
  INGEST_LINES,
} from './shell/corpus/commands.ts';
import { documentViews } from './shell/corpus/documents.ts';
import { governanceViews } from './shell/corpus/governance.ts';
import { ingestViews } from './shell/corpus/ingest.ts';
import { beginningOf, fieldsText } from './shell/corpus/texts.ts';

const SLOW = { timeout: 120_000 };
const ID = '[0-9a-f-]{36}';
let corpus: CorpusServer;
beforeAll(async () => {
  corpus = await startCorpus({ environment: { NEXUS_WORKER_POLL_SECONDS: '0.1' } });
  corpus.write('one.md', 'A small text. With two sentences.');
  corpus.write('two.md', 'Therefore evidence; everyone knows that we hope.');
});
afterAll(() => corpus.stop());

const type = (line: readonly string[], how?: Typing) => typeLine(corpus.server, line, how);
const lines = (text: string): string[] => text.trimEnd().split('\n');
/** An answer as a program gets it. */
const json = async <T>(...line: string[]): Promise<T> => JSON.parse((await type(line, { json: true })).out) as T;

describe('ingest', () => {
  test('takes any number of paths and ends with what came of them', async () => {
    const done = await type(['corpus', 'ingest', 'one.md', 'two.md']);
    expect(done).toEqual({
      code: 0,
      out: expect.stringMatching(
        new RegExp(
          `^OUTCOME   FILES\ningested      2\n\nOUTCOME +DOCUMENT +PATH +WHY\ningested  ${ID}  \\S+/one\\.md\ningested  ${ID}  \\S+/two\\.md\n$`,
        ),
      ),
      err: expect.stringMatching(/^2 files, \d+ atoms made\n$/),
    });
    const again = await type(['ingest', 'corpus', 'two.md'], { color: true });
    expect(again.out).toContain('\u001b[2munchanged\u001b[0m      1');
    const all = await type(['corpus', 'ingest']);
    expect([all.code, lines(all.out)[1]]).toEqual([0, 'unchanged      2']);
  });

  test('names the files that failed, says what to do, and fails', async () => {
    const marks = corpus.write('marks.md', 'one\n<<<<<<< here\ntwo');
    const odd = corpus.write('odd.png', 'no picture');
    const { code, out, err } = await type(['corpus', 'ingest', 'one.md', marks, 'none.md', odd]);
    expect(code).toBe(1);
    expect(lines(out)).toEqual([
      'OUTCOME                 FILES',
      'ingested_with_warnings      1',
      'unchanged                   1',
      'conflict                    1',
      'error                       1',
      '',
      expect.stringMatching(/^OUTCOME +DOCUMENT +PATH +WHY$/),
      expect.stringMatching(new RegExp(`^unchanged +${ID}  \\S+one\\.md$`)),
      expect.stringMatching(new RegExp(`^conflict +${ID}  \\S+marks\\.md +Conflict markers detected$`)),
      expect.stringMatching(/^error +none\.md +File not found$/),
      expect.stringMatching(/^ingested_with_warnings +\S+ +\S+odd\.png +the header of the image cannot be read/),
    ]);
    expect(err).toMatch(/paths are those below the corpus folder of the server/);
    expect(err).toMatch(/take the conflict marks out of the file/);
    const asked = await type(['corpus', 'ingest', 'one.md', 'none.md'], { json: true });
    expect([asked.code, asked.err]).toEqual([1, 'none.md: File not found\n']);
    const answer = JSON.parse(asked.out) as { readonly ingest_job_id: string };
    expect(answer).toMatchObject({ documents_unchanged: 1, ingest_scope: 'partial', warnings: [] });
    const status = await type(['corpus', 'ingest-status', answer.ingest_job_id]);
    expect([status.code, lines(status.out)]).toEqual([
      0,
      [
        `job     ${answer.ingest_job_id}`,
        'status  completed_with_errors',
        'scope   partial',
        '',
        'OUTCOME    FILES',
        'unchanged      1',
        'error          1',
        '',
        expect.stringMatching(/^OUTCOME +DOCUMENT +PATH +WHY$/),
        expect.stringMatching(/^unchanged +\S+ +\S+one\.md$/),
        expect.stringMatching(/^error +none\.md +File not found$/),
      ],
    ]);
  });

  test('levels and tracks by commas or several times, force, modality, no atoms', async () => {
    const atomsOf = async (...flags: string[]): Promise<string> => {
      const { out, err } = await type(['corpus', 'ingest', 'one.md', ...flags]);
      return `${lines(out)[1]?.trim().split(/ +/)[0]} ${err.trim()}`;
    };
    expect(await atomsOf('--level', 'word,sentence')).toBe('ingested 1 file, 8 atoms made');
    expect(await atomsOf('--level', 'word', '--level=paragraph')).toBe('ingested 1 file, 7 atoms made');
    expect(await atomsOf('--track', 'literary')).toBe('ingested 1 file, 9 atoms made');
    expect(await atomsOf('--track', 'literary')).toBe('unchanged 1 file, 0 atoms made');
    expect(await atomsOf('--track', 'literary', '--force')).toBe('ingested 1 file, 9 atoms made');
    expect(await atomsOf('--no-atoms')).toBe('ingested 1 file, 0 atoms made');
    expect(await atomsOf('--modality', 'pdf')).toBe(
      'skipped 1 file, 0 atoms made\n  --modality left all of them out; it takes text, pdf, image, audio, binary',
    );
    expect(await atomsOf()).toMatch(/^ingested 1 file/);
    const list = await type(['corpus', 'ingest', '["one.md","two.md"]', '--parse-options', '{"force":true}']);
    expect(lines(list.out)[1]).toBe('ingested      2');
  });

  test('a batch that is refused as a whole says what to do', async () => {
    const refused = async (...line: string[]) => {
      const person = await type(['corpus', 'ingest', ...line]);
      const program = await type(['corpus', 'ingest', ...line], { json: true });
      expect([person.code, program.code]).toEqual([2, 2]);
      expect(JSON.parse(program.err)).toMatchObject({
        error: { code: 'BAD_REQUEST', hint: lines(person.err)[1]?.trim() },
      });
      return person.err;
    };
    expect(await refused('one.md', '--level', 'wrd')).toMatch(
      /^nexus: Unknown atom_levels: \['wrd'\].*\n {2}the nearest is "word"\n$/,
    );
    expect(await refused('/etc/passwd')).toMatch(/corpus folder of the server, nexus:\/\/\/path of files of the zone/);
    expect(await refused('nexus://a/b.md')).toContain('three slashes');
    const empty = await type(['corpus', 'ingest', 'nexus:///nothing/']);
    expect([empty.code, empty.err]).toEqual([0, expect.stringMatching(/^no files\n {2}what was named holds no file/)]);
    expect((await type(['corpus', 'ingest-status', 'none'])).err).toContain('nexus job list --job-type ingest_batch');
  });

  test('whose role is not enough is told so', async () => {
    const key = await corpus.server.addKey({ subject: 'rob', role: 'viewer' });
    const denied = await type(['corpus', 'ingest'], { key });
    expect([denied.code, denied.err]).toEqual([6, expect.stringContaining('nexus whoami tells your role')]);
    expect((await type(['document', 'list'], { key })).code).toBe(0);
  });

  test('files of the zone need no corpus folder, and no jobs for later', SLOW, async () => {
    const other = await startCorpus({
      environment: { NEXUS_ASYNC_JOBS_ENABLED: 'false', NEXUS_CORPUS_ROOT: '/nonexistent' },
    });
    try {
      await other.server.ok('write', { path: '/t/a.md', content: 'One. Two.' });
      const done = await typeLine(other.server, ['corpus', 'ingest', 'nexus:///t/']);
      expect([done.code, done.out]).toEqual([
        0,
        expect.stringMatching(/^ingested +1\n\n.*\ningested +\S+ +nexus:\/\/\/t\/a\.md$/m),
      ]);
      const none = await typeLine(other.server, ['corpus', 'ingest']);
      expect([none.code, none.err]).toEqual([
        2,
        expect.stringMatching(/corpus_root is missing.*\n {2}.*NEXUS_CORPUS_ROOT/),
      ]);
      expect((await typeLine(other.server, ['brick', 'unmount', 'corpus'])).code).toBe(0);
      const off = await typeLine(other.server, ['document', 'list']);
      expect([off.code, off.err]).toEqual([8, expect.stringContaining('nexus brick mount corpus')]);
    } finally {
      await other.stop();
    }
  });

  test('a batch that takes longer than a call may is followed to its end', SLOW, async () => {
    const short = await startCorpus({ environment: { NEXUS_LIMIT_OPERATION_MS: '5000' } });
    try {
      short.write('a.md', 'One. Two.');
      const { code, out, err } = await typeLine(short.server, ['corpus', 'ingest'], { json: true });
      expect([code, err]).toEqual([0, '']);
      expect(Object.keys(JSON.parse(out)).sort()).toEqual([
        'atoms_created',
        'documents_ingested',
        'documents_unchanged',
        'ingest_job_id',
        'ingest_scope',
        'provenance_digest',
        'warnings',
      ]);
    } finally {
      await short.stop();
    }
  });

  test('a terminal sees how far it is, a pipe gets the answer', SLOW, async () => {
    const place = openPlace(corpus.server);
    try {
      const shown = await nexusOnTerminal(['corpus', 'ingest', 'one.md', 'none.md', '--force'], place.around);
      expect(shown.code).toBe(1);
      expect(shown.out).toMatch(/2\/2 files, \d+ atoms/);
      expect(shown.out).toMatch(/ingested +1\nerror +1\n/);
      const many = Array.from({ length: 11 }, (_, n) => corpus.write(`many/${n}.md`, `Text ${n}.`));
      expect((await nexusOnTerminal(['corpus', 'ingest', ...many], place.around)).out).toMatch(
        /OUTCOME +FILES\ningested +11\n11 files, \d+ atoms made\n$/,
      );
      const { code, out } = await nexus(['corpus', 'ingest', 'one.md'], place.around);
      expect([code, JSON.parse(out)]).toEqual([0, expect.objectContaining({ documents_unchanged: 1 })]);
      const { id } = await corpus.document(join(corpus.folder, 'one.md'));
      expect((await nexus(['document', 'text', id], place.around)).out).toBe('A small text. With two sentences.');
    } finally {
      place.remove();
    }
  });
});

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
    [INGEST_LINES, ingestViews],
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
