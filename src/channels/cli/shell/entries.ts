/** Pages of listings, followed to their end, for the commands that show a whole directory. */
import type { Transport } from '../../../../client/transport.ts';

/** What `list` answers of an entry; with details the file object. */
export interface Entry {
  readonly path: string;
  readonly name: string;
  readonly type: 'file' | 'directory';
  readonly is_directory: boolean;
  readonly size: number;
  readonly etag: string | null;
  readonly modified_at: string;
  readonly modified_by?: string;
  readonly version?: number | null;
}

interface Page<T> {
  readonly has_more: boolean;
  readonly next_cursor: string | null;
  readonly items: readonly T[];
}

async function* pages<T>(fetchPage: (cursor: string | undefined) => Promise<Page<T>>): AsyncGenerator<T> {
  let cursor: string | undefined;
  do {
    const page = await fetchPage(cursor);
    yield* page.items;
    cursor = page.has_more ? (page.next_cursor ?? undefined) : undefined;
  } while (cursor !== undefined);
}

/** Most entries a page may hold; larger pages mean fewer requests. */
const PAGE = 10_000;

export function entriesOf(transport: Transport, params: Readonly<Record<string, unknown>>): AsyncGenerator<Entry> {
  return pages(async (cursor) => {
    const answer = (await transport.rpc('list', { ...params, limit: PAGE, cursor })) as Omit<Page<Entry>, 'items'> & {
      entries: Entry[];
    };
    return { ...answer, items: answer.entries };
  });
}

/** All matches of `glob` or `grep`. */
export function matchesOf<T>(
  transport: Transport,
  method: 'glob' | 'grep',
  params: Readonly<Record<string, unknown>>,
): AsyncGenerator<T> {
  return pages(async (cursor) => {
    const answer = (await transport.rpc(method, { ...params, cursor })) as Omit<Page<T>, 'items'> & { matches: T[] };
    return { ...answer, items: answer.matches };
  });
}
