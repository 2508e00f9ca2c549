/** cat, put and get: content as it is, streamed both ways. */
import { realpathSync, renameSync, rmSync, statSync, type WriteStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { filePath, type Transport } from '../../../../client/transport.ts';
import { codeOf } from '../../../base/system-error.ts';
import { type Command, type Option, type Typed, UsageError } from '../command.ts';
import { show } from '../show.ts';
import { bytesText, safe } from '../terminal.ts';
import { onInterrupt } from './interrupts.ts';
import { BRANCH, goesTo, VIEW as TREE_VIEW } from './options.ts';

const VIEW: readonly Option[] = [...TREE_VIEW, { name: 'version', about: 'version of the file', takes: 'number' }];

function query(typed: Typed): string {
  const { branch, version } = typed.options;
  const given = { branch, version, as_of: typed.options['as-of'] };
  const pairs = Object.entries(given).filter(([, value]) => value !== undefined);
  return pairs.length > 0 ? `?${new URLSearchParams(pairs.map(([name, value]) => [name, String(value)]))}` : '';
}

interface Download {
  readonly pieces: AsyncIterable<Uint8Array>;
  /** SHA-256 of the whole, as the server has it. */
  readonly sha256: string | undefined;
}

async function download(transport: Transport, path: string, typed: Typed): Promise<Download> {
  const { body, headers } = await transport.raw({ method: 'GET', path: filePath(path) + query(typed) });
  return { pieces: body ?? Readable.from([]), sha256: /^"([0-9a-f]{64})"$/.exec(headers.get('etag') ?? '')?.[1] };
}

/** The pieces, which end with an error unless they are what the hash says. */
async function* checked({ pieces, sha256 }: Download): AsyncGenerator<Uint8Array> {
  // Not loaded by commands that only list.
  const { createHash } = await import('node:crypto');
  const digest = createHash('sha256');
  for await (const piece of pieces) {
    digest.update(piece);
    yield piece;
  }
  if (sha256 === undefined || digest.digest('hex') === sha256) return;
  throw new Error(
    'its bytes are not those of its hash; if they come so again, the server has them so: nexus content check',
  );
}

const cat: Command = {
  words: 'cat',
  summary: 'Write the content of files to standard output.',
  args: ['path…'],
  options: VIEW,
  run: async (scene, typed) => {
    for (const path of typed.args) {
      const { pieces } = await download(scene.transport(), path, typed);
      for await (const chunk of pieces) await scene.terminal.bytes(chunk);
    }
    return undefined;
  },
};

const get: Command = {
  words: 'get',
  summary: 'Fetch a file into a local one or a local directory; "-" is standard output.',
  args: ['path', 'local?'],
  options: VIEW,
  run: async (scene, typed) => {
    const [path = '/', local = basename(path)] = typed.args;
    const stream = checked(await download(scene.transport(), path, typed));
    if (local === '-') {
      for await (const chunk of stream) await scene.terminal.bytes(chunk);
      return undefined;
    }
    const file = inDirectory(local) ? join(local, basename(path)) : local;
    const size = await keep(stream, file, { named: path });
    if (scene.terminal.json) show(scene.terminal, { path, local: file, size });
    else scene.terminal.err(`${safe(path)} → ${safe(file)}, ${bytesText(size)}\n`);
    return undefined;
  },
};

const inDirectory = (local: string): boolean => statSync(local, { throwIfNoEntry: false })?.isDirectory() ?? false;

/** Writes beside the file and renames at the end, so that it is there whole or as it was before. Gives its size. */
export async function keep(
  stream: AsyncIterable<Uint8Array>,
  local: string,
  { named, mode }: { readonly named: string; readonly mode?: number },
): Promise<number> {
  const there = statSync(local, { throwIfNoEntry: false });
  // A device or a pipe takes the bytes as they come; a link stays, and what it names is replaced.
  const inPlace = there !== undefined && !there.isFile();
  const file = there ? realpathSync(local) : local;
  const beside = inPlace ? file : `${file}.part-${process.pid}`;
  const remove = (): void => {
    if (!inPlace) rmSync(beside, { force: true });
  };
  const release = onInterrupt(remove);
  try {
    const target = await createLocal(beside, { shownAs: local, mode: mode ?? there?.mode });
    const whole = pipeline(stream, target).then(() => inPlace || renameSync(beside, file));
    await whole.catch((thrown: unknown) => {
      remove();
      const why = thrown instanceof Error ? thrown.message : String(thrown);
      const left = inPlace ? '' : `, and ${local} is as it was`;
      throw new Error(`${named} did not arrive whole${left}: ${why}`, { cause: thrown });
    });
    return target.bytesWritten;
  } finally {
    release();
  }
}

interface Creating {
  readonly shownAs: string;
  /** That it is to have, as of the file that it is going to replace. */
  readonly mode: number | undefined;
}

async function createLocal(file: string, { shownAs, mode }: Creating): Promise<WriteStream> {
  try {
    return (await open(file, 'w', mode)).createWriteStream();
  } catch (thrown) {
    throw codeOf(thrown) === undefined ? thrown : new UsageError(`cannot write ${shownAs}: ${codeOf(thrown)}`);
  }
}

/** A local file, opened before anything is sent, so that a missing one is told as that. */
async function openLocal(local: string): Promise<Readable> {
  try {
    const file = await open(local);
    if ((await file.stat()).isDirectory()) {
      await file.close();
      throw new UsageError(`${local} is a directory: nexus files import brings one in`);
    }
    return file.createReadStream();
  } catch (thrown) {
    throw codeOf(thrown) === undefined ? thrown : new UsageError(`cannot read ${local}: ${codeOf(thrown)}`);
  }
}

const put: Command = {
  words: 'put',
  summary: 'Write a local file, or standard input ("-"), to a path.',
  args: ['local', 'path'],
  options: [{ name: 'content-type', about: 'by the name unless given', takes: 'text' }, BRANCH],
  run: async (scene, typed) => {
    const [local = '-', path = '/'] = typed.args;
    if (local === '-' && path.endsWith('/')) throw new UsageError('standard input has no name: give the whole path');
    const source = local === '-' ? process.stdin : await openLocal(local);
    const type = typed.options['content-type'];
    const answer = (await scene.transport().rest({
      method: 'PUT',
      path: filePath(goesTo(path, local)) + query(typed),
      body: Readable.toWeb(source),
      headers: typeof type === 'string' ? { 'content-type': type } : {},
    })) as { path: string; version: number; size: number };
    if (scene.terminal.json) show(scene.terminal, answer);
    else scene.terminal.err(`${safe(answer.path)}: version ${answer.version}, ${bytesText(answer.size)}\n`);
    return undefined;
  },
};

/** Under the noun too, where the list of commands has it. */
export const transferCommands: readonly Command[] = [cat, get, put, { ...put, words: 'file put' }];
