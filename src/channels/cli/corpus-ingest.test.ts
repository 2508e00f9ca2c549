/** Batches on the command line: any paths, how far they are, what came of each file, and what to do about what is wrong. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openPlace, type Typing, typeLine } from '../../../test/command-line.ts';
import { type CorpusServer, startCorpus } from '../../../test/corpus/server.ts';
import { nexus, nexusOnTerminal } from '../../../test/nexus-process.ts';
import { INGEST_LINES } from './shell/corpus/commands.ts';
import { ingestViews } from './shell/corpus/ingest.ts';

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

test('each command that is shown in its own way is loaded for that', () => {
  expect([...INGEST_LINES].sort()).toEqual(ingestViews.map(({ words }) => words).sort());
});
