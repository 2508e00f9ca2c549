/**
 * `nexus corpus ingest`: any number of paths, how far the batch is while it runs, and what came of its files. Guarantees: a
 * file that was not ingested is named, and makes the exit code 1; a batch that is refused is so in the words of the route.
 */
import { NexusError } from '../../../../../client/errors.ts';
import type { Transport } from '../../../../../client/transport.ts';
import { plural } from '../../../../base/plural.ts';
import type { BatchResult, OutcomeStatus } from '../../../../features/corpus/ingest/batch.ts';
import type { IngestStatus } from '../../../../features/corpus/ingest/ingest.operations.ts';
import type { Modality } from '../../../../features/corpus/plugins/plugin.ts';
import type { SubmitOutput } from '../../../../features/jobs/job-submit.operations.ts';
import type { Command, Scene, Typed } from '../../command.ts';
import { altered, derivedCommand, lineOf, paramsOf, send } from '../../derived.ts';
import { typedValue } from '../../parse-line.ts';
import { show } from '../../show.ts';
import { safe, type Terminal, table } from '../../terminal.ts';
import { lines, number, shownBy, titles, words } from '../views.ts';
import { statusOf } from './batch-status.ts';
import { HOW_TO_MEND, hinted, WHERE_PATHS_ARE } from './hints.ts';

const LINE = lineOf('corpus ingest');

type Payload = Readonly<Record<string, unknown>>;

/** Paths by position, or a list of them in JSON. */
const pathsIn = (args: readonly string[]): unknown[] =>
  args.flatMap((path) => typedValue({ takes: 'text', or: { boolean: false, list: true } }, path, 'PATH'));

const given = (values: Payload): Payload =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));

/** What is sent to the route, which takes `atom_tracks` at the top too. */
function bodyOf({ args, options }: Typed): Payload {
  const own = given({
    atom_tracks: options.track,
    atom_levels: options.level,
    force: options.force,
    atomize: options.atoms,
  });
  const body = { ...paramsOf({ ...LINE, args: [] }, { args: [], options }) };
  if (args.length > 0) body.source_paths = pathsIn(args);
  if (options.modality !== undefined) body.modalities = options.modality;
  if (Object.keys(own).length > 0) body.parse_options = { ...(body.parse_options as object | undefined), ...own };
  return body;
}

/** The same as the payload of a job. */
function payloadOf({ atom_tracks, ...body }: Payload): Payload {
  return atom_tracks
    ? { ...body, parse_options: { ...(body.parse_options as object | undefined), atom_tracks } }
    : body;
}

/** Paths that are one file each; undefined where only the server knows how many files they are. */
function filesIn({ source_paths }: Payload): number | undefined {
  const paths = Array.isArray(source_paths) ? source_paths.map(String) : [];
  return paths.length > 0 && paths.every((path) => !path.endsWith('/')) ? paths.length : undefined;
}

/** Follows a batch to its end, with a bar where somebody looks. */
const followed = async (scene: Scene, id: string, files?: number): Promise<IngestStatus> =>
  (await import('./following.ts')).follow(scene, id, files);

/** Undefined where the server queues no jobs. */
async function submit(transport: Transport, payload: Payload): Promise<string | undefined> {
  try {
    const asked = { job_type: 'ingest_batch', payload, execution_mode: 'async', max_attempts: 1 };
    return ((await send(transport, lineOf('job submit'), asked)) as SubmitOutput).job_id;
  } catch (thrown) {
    if (thrown instanceof NexusError && thrown.message === 'Async jobs are disabled by feature flag') return undefined;
    throw thrown;
  }
}

/** The route's own answer; of a batch that takes longer than a call may, what it would have been. */
async function atRoute(scene: Scene, body: Payload): Promise<BatchResult> {
  try {
    return (await send(scene.transport(), LINE, body)) as BatchResult;
  } catch (thrown) {
    const id = thrown instanceof NexusError && thrown.code === 'UNAVAILABLE' ? thrown.data.job_id : undefined;
    if (typeof id !== 'string') throw thrown;
    const { status: _status, files: _files, errors: _errors, ...result } = ended(await followed(scene, id));
    return result;
  }
}

/** Refused, failed or cancelled: thrown as the route tells it. */
function ended(status: IngestStatus): IngestStatus {
  const { ingest_job_id: id, errors } = status;
  const refusal = { data: { job_id: id }, retryable: false, request_id: id };
  if (status.status === 'cancelled') {
    throw new NexusError({ ...refusal, code: 'CONFLICT', status: 409, message: `Ingest job ${id} was cancelled` });
  }
  if (status.status !== 'failed') return status;
  throw new NexusError({ ...refusal, code: 'BAD_REQUEST', status: 400, message: errors.at(-1) ?? 'The batch failed' });
}

type Outcome = IngestStatus['files'][number];
const isFailed = ({ status }: Outcome): boolean => status === 'error' || status === 'conflict';

const ingest: Command = altered(derivedCommand('corpus ingest', show), {
  run: async (scene, typed) => {
    const { terminal } = scene;
    const transport = scene.transport();
    const body = bodyOf(typed);
    if (terminal.json) {
      const answer = await atRoute(scene, body);
      show(terminal, answer);
      const { files } = await statusOf(transport, answer.ingest_job_id);
      for (const { path, status, error } of files.filter(isFailed))
        terminal.err(`${safe(`${path}: ${error ?? status}`)}\n`);
      return files.some(isFailed) ? 1 : 0;
    }
    const id = await submit(transport, payloadOf(body));
    const status = id === undefined ? undefined : await followed(scene, id, filesIn(body));
    const last = status ?? (await statusOf(transport, (await atRoute(scene, body)).ingest_job_id));
    if (last.files.length > 0 || last.status !== 'failed') tellOutcomes(terminal, last);
    ended(last);
    tellNext(terminal, last);
    return last.files.some(isFailed) ? 1 : 0;
  },
});

/** So few files are all named, with their documents; of more only those that failed or were read in part, up to the most. */
const FEW = 10;
const NAMED_MAX = 100;

const ORDER = Object.keys({
  ingested: true,
  ingested_with_warnings: true,
  unchanged: true,
  skipped: true,
  conflict: true,
  error: true,
} satisfies Record<OutcomeStatus, true>);

/** How many came to what, and which files did not come to what was wanted. */
function tellOutcomes(terminal: Terminal, { ingest_job_id: id, files, warnings, atoms_created }: IngestStatus): void {
  if (files.length === 0) {
    terminal.err('no files\n');
    return;
  }
  const byStatus = Map.groupBy(files, ({ status }) => String(status));
  const counts = ORDER.flatMap((status) => {
    const count = byStatus.get(status)?.length ?? 0;
    return count === 0 ? [] : [[status, String(count)]];
  });
  table(terminal, [words('outcome'), number('files')], counts);
  terminal.err(`${plural(files.length, 'file')}, ${plural(atoms_created, 'atom')} made\n`);
  const why = ({ path, status, error }: Outcome): string =>
    error ?? (status === 'conflict' ? 'Conflict markers detected' : reasonIn(warnings, path));
  const isOdd = (file: Outcome): boolean => isFailed(file) || file.status === 'ingested_with_warnings';
  const named = files.length <= FEW ? files : files.filter(isOdd);
  if (named.length === 0) return;
  terminal.out('\n');
  const rows = named.slice(0, NAMED_MAX).map((file) => [file.status, file.document_id ?? '', file.path, why(file)]);
  table(terminal, [words('outcome'), ...titles('document', 'path', 'why')], rows);
  const left = named.length - rows.length;
  if (left > 0) terminal.err(`… ${plural(left, 'file')} more: nexus corpus ingest-status ${id} --json\n`);
}

/** Warnings are `<path>: <reason>`. */
const reasonIn = (warnings: readonly string[], path: string): string =>
  warnings.find((warning) => warning.startsWith(`${path}: `))?.slice(path.length + 2) ?? '';

const MODALITIES = Object.keys({
  text: true,
  pdf: true,
  image: true,
  audio: true,
  binary: true,
} satisfies Record<Modality, true>);

/** What to do about what did not go well, each thing once. */
function tellNext(terminal: Terminal, { files, ingest_scope }: IngestStatus): void {
  if (files.length === 0) {
    const where = ingest_scope === 'full' ? 'the corpus folder of the server' : 'what was named';
    terminal.err(`  ${where} holds no file of a kind that is ingested, or none that you may read\n`);
  }
  if (files.some(({ error }) => error === 'File not found')) terminal.err(`  ${WHERE_PATHS_ARE}\n`);
  if (files.some(({ status }) => status === 'conflict')) terminal.err(`  ${HOW_TO_MEND}\n`);
  if (files.length > 0 && files.every(({ status }) => status === 'skipped')) {
    terminal.err(`  --modality left all of them out; it takes ${MODALITIES.join(', ')}\n`);
  }
}

const status = shownBy('corpus ingest-status', (terminal, answer: IngestStatus) => {
  const { ingest_job_id: job, ingest_scope: scope, errors, files } = answer;
  const error = answer.status === 'failed' && files.length === 0 ? errors.join('; ') : '';
  lines(terminal, { job, status: answer.status, scope, error });
  if (files.length === 0) return;
  terminal.out('\n');
  tellOutcomes(terminal, answer);
});

export const ingestViews: readonly Command[] = [ingest, status].map(hinted);
