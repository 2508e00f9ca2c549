/**
 * An answer that is a text of pages. Guarantees: one page is held, whatever the length of the text; a page is asked for when
 * the client has taken the one before, as a call of its own; a text that fails midway breaks the connection, so that
 * nobody takes the part for the whole; one page of it names the next in the header X-Nexus-Next-Cursor.
 */
import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import type { TextPages } from '../../core/call/text-pages.ts';
import type { Answer } from '../../core/invoke.ts';

export interface TextAnswer {
  readonly pages: TextPages<unknown>;
  readonly type: string;
  readonly first: Answer;
  /** Asks for the page of a cursor. */
  readonly again: (cursor: string) => Promise<Answer>;
}

export async function sendText(reply: FastifyReply, answer: TextAnswer): Promise<FastifyReply> {
  reply.header('content-type', answer.type).header('cache-control', 'no-store');
  const { pages, first } = answer;
  const next = pages.next(first.output);
  if (next !== null && !pages.isWhole(first.input)) reply.header('x-nexus-next-cursor', next);
  if (next === null || !pages.isWhole(first.input)) return reply.send(pages.piece(first.output));
  await reply.send(Readable.from(piecesOf(answer), { objectMode: false, highWaterMark: 1 }));
  return reply;
}

async function* piecesOf({ pages, first, again }: TextAnswer): AsyncGenerator<Buffer> {
  for (let page = first; ; ) {
    yield Buffer.from(pages.piece(page.output));
    const next = pages.next(page.output);
    if (next === null) return;
    page = await again(next);
  }
}
