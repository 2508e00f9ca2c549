/** Answers in pages as one sequence: list, glob and grep. The pages together show one moment of the tree (files.md §9). */
import type { Transport } from './transport.ts';
import type { GrepMatch, Params, Result } from './wire.ts';

export type Entry = Result<'list'>['entries'][number];

async function* pagesOf<M extends 'list' | 'glob' | 'grep'>(
  transport: Transport,
  method: M,
  params: Params<M>,
): AsyncGenerator<Result<M>> {
  let cursor: string | null | undefined;
  do {
    const page = (await transport.rpc(method, cursor ? Object.assign({}, params, { cursor }) : params)) as Result<M>;
    yield page;
    cursor = page.next_cursor;
  } while (cursor);
}

export async function* listAll(transport: Transport, params: Params<'list'>): AsyncGenerator<Entry> {
  for await (const { entries } of pagesOf(transport, 'list', params)) yield* entries;
}

export async function* globAll(transport: Transport, params: Params<'glob'>): AsyncGenerator<string> {
  for await (const { matches } of pagesOf(transport, 'glob', params)) yield* matches;
}

export async function* grepAll(transport: Transport, params: Params<'grep'>): AsyncGenerator<GrepMatch> {
  for await (const { matches } of pagesOf(transport, 'grep', params)) yield* matches;
}
