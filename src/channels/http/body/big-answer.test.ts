/** Bytes and length against JSON.stringify, and what happens when the content changes between the passes. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type AnswerPiece, type AnswerSource, bigAnswer } from './big-answer.ts';
import { collect, cut, cuts, streamOf } from './spool.fixture.ts';

const sourceOf = (bytes: Uint8Array, at: readonly number[] = []): AnswerSource => ({
  size: bytes.length,
  read: () => streamOf(cut(bytes, at)),
});

/** Any well-formed text, rich in what needs an escape. */
const texts = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'binary', maxLength: 30 }),
      fc.constantFrom(
        '"',
        '\\',
        '\n',
        '\u0000',
        '\u001f',
        '\u007f',
        '\u2028',
        'plain text of some length, without a thing to escape',
      ),
    ),
  )
  .map((parts) => parts.join(''));

async function written(pieces: AnswerPiece[]): Promise<string> {
  const answer = await bigAnswer(pieces);
  const bytes = await collect(answer.stream);
  expect(bytes.length).toBe(answer.length);
  return bytes.toString('utf8');
}

describe('a big answer', () => {
  test('is what JSON.stringify gives, with its exact length', async () => {
    await fc.assert(
      fc.asyncProperty(texts, fc.uint8Array({ maxLength: 100 }), cuts(), async (text, bytes, at) => {
        const answer = await written([
          '{"id":"é","text":',
          { source: sourceOf(Buffer.from(text), at), encoding: 'utf-8' },
          ',"bytes":',
          { source: sourceOf(bytes, at), encoding: 'base64' },
          '}',
        ]);
        expect(answer).toBe(JSON.stringify({ id: 'é', text, bytes: Buffer.from(bytes).toString('base64') }));
      }),
      { numRuns: 1000 },
    );
  });

  test('escapes every character below U+0100 as JSON.stringify does', async () => {
    for (let code = 0; code < 256; code++) {
      const text = String.fromCharCode(code);
      const source = sourceOf(Buffer.from(text));
      expect(await written([{ source, encoding: 'utf-8' }])).toBe(JSON.stringify(text));
    }
  });

  test('passes pieces on as they are when there is nothing to escape', async () => {
    const piece = Buffer.from('Größe, 漢字, 😀');
    const answer = await bigAnswer([
      { source: { size: piece.length, read: () => streamOf([piece]) }, encoding: 'utf-8' },
    ]);
    const chunks: Uint8Array[] = [];
    for await (const chunk of answer.stream) chunks.push(chunk);
    expect(chunks[1]).toBe(piece);
  });

  test.each([
    ['shorter', 'abc'],
    ['longer', 'abcdefgh'],
  ])('fails, and never passes its length, when the content got %s', async (_how, second) => {
    const contents = [Buffer.from('abcde'), Buffer.from(second)];
    const source: AnswerSource = { size: 5, read: () => streamOf([contents.shift()!]) };
    const answer = await bigAnswer(['[', { source, encoding: 'utf-8' }, ']']);
    let sent = 0;
    const reading = (async () => {
      for await (const chunk of answer.stream) sent += chunk.length;
    })();
    await expect(reading).rejects.toThrow('content changed');
    expect(sent).toBeLessThanOrEqual(answer.length);
  });
});
