/**
 * append (files.md §7). Guarantees: concurrent appends all arrive, none interleaved. What stays small is composed inside
 * the transaction; what is large is composed before it, on a content that the transaction finds unchanged or is asked
 * again about.
 */
import { isUtf8 } from 'node:buffer';
import { z } from 'zod';
import { refuseRoot } from '../../base/paths.ts';
import { isStale, STALE, type StaleAnswer, staleAnswer } from '../../core/call/stale.ts';
import type { Call, Operation, Preparation } from '../../core/operation.ts';
import { findInline } from '../content/content.sql.ts';
import {
  bytesOf,
  checkFileSize,
  INLINE_BYTES_MAX,
  joined,
  type Received,
  type Representation,
  type Stored,
  sizeOf,
  sourceOf,
  storeContent,
} from '../content/content.ts';
import { contentOf, writeFile } from './changes.ts';
import { toWriteResult, type WriteResult, writeResult } from './file-object.ts';
import type { StateRow } from './files.sql.ts';
import { findHead, headSource } from './head.operations.ts';
import { branchParam, contentParam, encodingParam, etagParam, path, receive } from './params.ts';
import { reachOne } from './reach.ts';
import { checkKind, checkPrecondition, lookUp } from './tree.ts';
import { viewOf } from './view-of.ts';
import { contentTypeOf } from './write.operations.ts';

const appendInput = z.object({
  path,
  content: contentParam,
  encoding: encodingParam.optional(),
  if_match: etagParam.optional(),
  ...branchParam,
});
type AppendInput = z.infer<typeof appendInput>;

/** A whole that was composed ahead: `base` is the etag it was composed on, null where there was no file. */
interface Composed {
  readonly base: string | null;
  readonly stored: Stored;
}

interface ReadyAppend extends Omit<AppendInput, 'content' | 'encoding'> {
  /** The part's bytes while the whole may be small, else the whole. */
  readonly part: Uint8Array | Composed;
  /** Representation of the part. */
  readonly encoding: Representation;
}

export const append: Operation<AppendInput, WriteResult | StaleAnswer, ReadyAppend> = {
  name: 'file.append',
  summary: 'Append to a file, or create it.',
  effect: 'write',
  who: { role: 'operator' },
  input: appendInput,
  output: z.union([writeResult, staleAnswer]),
  faults: ['ACCESS_DENIED', 'IS_A_DIRECTORY', 'NOT_A_DIRECTORY', 'ETAG_MISMATCH', 'CONFLICT', 'QUOTA_EXCEEDED'],
  rpc: { name: 'append', aliases: ['append_file'] },
  cli: { words: 'file append', args: ['path', 'content'] },
  examples: [{ title: 'a line', input: { path: '/notes/log.txt', content: 'A line.\n' } }],
  mapPaths: (input, map) => ({ ...input, path: refuseRoot(map(input.path)) }),
  stale: isStale,
  turn: (input) => JSON.stringify([input.branch, input.path]),
  prepare: async (input, preparation, stale) => {
    const { content, encoding, ...rest } = input;
    const received = await receive(content, encoding, 'content');
    const { incoming, asText } = received;
    const small = stale === undefined && sizeOf(incoming) <= INLINE_BYTES_MAX;
    const utf8 = incoming instanceof Uint8Array ? isUtf8(incoming) : incoming.utf8;
    return {
      ...rest,
      encoding: asText && utf8 ? 'utf-8' : 'base64',
      part: small ? await bytesOf(incoming) : await compose(received, rest, preparation),
    };
  },
  needs: (ready) => [{ permission: 'write', path: ready.path }],
  reach: (ready) => reachOne(ready.path, ready),
  object: (ready) => ready.path,
  run: async (call, ready) => {
    const view = await viewOf(call, ready);
    const spot = await lookUp(call, view, ready.path);
    checkKind(call, spot);
    checkPrecondition(call, spot, ready);
    const whole = await wholeOf(call, spot.state, ready);
    if (!whole) return STALE;
    const both = spot.state === undefined || spot.state.encoding === 'utf-8';
    const written = await writeFile(call, view, {
      spot,
      content: {
        ...contentOf(whole),
        encoding: both ? ready.encoding : 'base64',
        content_type: spot.state?.content_type ?? contentTypeOf(ready.path),
        metadata: undefined,
        reason: 'append',
      },
    });
    return toWriteResult(written, call.shown(ready.path));
  },
};

/** The content to be written on this state, or undefined when it has to be composed ahead, or ahead once more. */
async function wholeOf(call: Call, state: StateRow | undefined, ready: ReadyAppend): Promise<Stored | undefined> {
  const { part } = ready;
  if (!(part instanceof Uint8Array)) return part.base === (state?.etag ?? null) ? part.stored : undefined;
  const size = part.byteLength + (state?.size ?? 0);
  if (size > INLINE_BYTES_MAX) return undefined;
  const before = state?.etag ? await findInline(call.tx, state.etag) : new Uint8Array();
  if (!before) return undefined;
  const inline = Buffer.concat([before, part]);
  return { sha256: sourceOf(inline).sha256, size, utf8: isUtf8(inline), encoding: ready.encoding, inline };
}

async function compose(
  received: Received,
  input: Omit<AppendInput, 'content' | 'encoding'>,
  preparation: Preparation,
): Promise<Composed> {
  const { incoming, asText } = received;
  const found = await preparation.run(findHead, { ...input, must_exist: false });
  const need = { permission: 'write', path: input.path } as const;
  if (!found) return { base: null, stored: await storeContent(received, need, preparation) };
  checkFileSize(found.size + sizeOf(incoming), preparation.limits);
  const part = incoming instanceof Uint8Array ? sourceOf(incoming) : incoming;
  const whole = await joined(headSource(found, preparation.blobs), part);
  return { base: found.etag, stored: await storeContent({ incoming: whole, asText }, need, preparation) };
}
