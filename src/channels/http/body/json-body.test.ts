/** Values and refusals against JSON.parse, wherever the body is cut; limits, and clients that go away or send too much. */
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { defaultLimits } from '../../../base/limits.ts';
import { parseJson } from '../../../base/parse-json.ts';
import { bodySize } from './body-size.ts';
import { jsonText, nearlyJson, rawString, rawStringWithHalves } from './json.fixture.ts';
import { type JsonBodyOptions, parseJsonBody, SPOOL_STRING_BYTES } from './json-body.ts';
import { type CountedHome, collect, countedHome, cut, cuts, readBack, streamOf } from './spool.fixture.ts';
import { SpooledText, SpoolRoom } from './spool.ts';

const MIB = 1024 * 1024;

let home: CountedHome;
beforeEach(() => {
  home = countedHome();
});
afterEach(() => {
  expect(home.held()).toBe(0);
  expect(home.leftovers()).toEqual([]);
  home.remove();
});

/** Parses in a room of its own, and gives what `use` makes of the value while the room is open. */
async function parse<T>(
  stream: AsyncIterable<Uint8Array>,
  more: Partial<JsonBodyOptions>,
  use: (value: unknown) => Promise<T> | T,
): Promise<T> {
  const room = new SpoolRoom(home);
  const limits = {
    bodyBytes: 192 * MIB,
    limit: 'RPC_BODY_BYTES' as const,
    stringBytes: SPOOL_STRING_BYTES,
    ...bodySize(defaultLimits),
  };
  const value = await parseJsonBody(stream, { ...limits, room, ...more });
  try {
    return await use(value);
  } finally {
    await room.close();
  }
}

const parseText = (text: string, more: Partial<JsonBodyOptions> = {}): Promise<unknown> =>
  parse(streamOf([Buffer.from(text)]), more, readBack);

/** Both ways to parse: collected, and chunk by chunk with every string of more than 8 bytes spooled. */
const ways = [
  ['collected', SPOOL_STRING_BYTES],
  ['in chunks', 8],
] as const;

describe('a body', () => {
  test('of more than 1 MiB has its strings in the heap where texts are wanted', async () => {
    const text = 'ä'.repeat(MIB);
    const body = streamOf([Buffer.from(JSON.stringify({ text }))]);
    expect(await parse(body, { stringBytes: 192 * MIB }, (value) => value)).toEqual({ text });
  });

  test('is what JSON.parse makes of it, wherever it is cut and whatever is spooled', async () => {
    const thresholds = fc.oneof(fc.constant(8), fc.nat({ max: 60 }), fc.constant(SPOOL_STRING_BYTES));
    await fc.assert(
      fc.asyncProperty(jsonText(), cuts(12), thresholds, async (text, at, stringBytes) => {
        const value = await parse(streamOf(cut(Buffer.from(text), at)), { stringBytes }, readBack);
        const expected = parseJson(text);
        expect(isDeepStrictEqual(value, expected)).toBe(true);
        expect(JSON.stringify(value)).toBe(JSON.stringify(expected));
      }),
      { numRuns: 600 },
    );
  });

  test.each(ways)('has the keys that its text holds, whatever others sent before (%s)', async (_way, stringBytes) => {
    JSON.parse('{"theirs":0,"\\\\":0}');
    const value = await parseText('{"theirs":0,"\\u00e9":"of 8 bytes"}', { stringBytes });
    expect(value).toEqual({ theirs: 0, é: 'of 8 bytes' });
  });

  test('may come byte by byte', async () => {
    await fc.assert(
      fc.asyncProperty(jsonText(), fc.nat({ max: 20 }), async (text, stringBytes) => {
        const chunks = [...Buffer.from(text)].map((byte) => Buffer.of(byte));
        const value = await parse(streamOf(chunks), { stringBytes }, readBack);
        expect(isDeepStrictEqual(value, parseJson(text))).toBe(true);
      }),
      { numRuns: 100 },
    );
  });

  test('has exactly its long strings spooled, and says when one holds half a surrogate pair', async () => {
    const raws = fc.oneof(rawString(), rawStringWithHalves);
    await fc.assert(
      fc.asyncProperty(raws, cuts(), fc.integer({ min: 1, max: 60 }), async (raw, at, stringBytes) => {
        const expected: string = JSON.parse(`"${raw}"`);
        const chunks = cut(Buffer.from(`{"before":[0],"text":"${raw}","after":"${raw}"}`), at);
        await parse(streamOf(chunks), { stringBytes }, async (value) => {
          const { text, after } = value as { text: unknown; after: unknown };
          if (Buffer.byteLength(raw) <= stringBytes) return expect([text, after]).toEqual([expected, expected]);
          for (const spooled of [text, after]) {
            if (!(spooled instanceof SpooledText)) throw new Error('not spooled');
            expect((await collect(spooled.bytes.read())).toString()).toBe(expected.toWellFormed());
            expect(spooled.bytes.utf8).toBe(true);
            expect(spooled.loneSurrogate).toBe(!expected.isWellFormed());
          }
        });
      }),
      { numRuns: 600 },
    );
  });

  test('of several MiB has only what is over 1 MiB in a spool', async () => {
    const long = 'é\n"'.repeat(800_000);
    const body = { short: 'x'.repeat(MIB), long, list: Array.from({ length: 10_000 }, (_, at) => ({ at })) };
    const bytes = Buffer.from(JSON.stringify(body));
    const chunks = Array.from({ length: Math.ceil(bytes.length / 65_521) }, (_, at) =>
      bytes.subarray(at * 65_521, (at + 1) * 65_521),
    );
    await parse(streamOf(chunks), {}, async (value) => {
      const got = value as typeof body;
      expect(got.long).toBeInstanceOf(SpooledText);
      expect(home.held()).toBe(Buffer.byteLength(long));
      expect(isDeepStrictEqual(await readBack(got), body)).toBe(true);
      expect(got.short).toBe(body.short);
    });
  });

  test.each(ways)('pollutes no prototype (%s)', async (_way, stringBytes) => {
    const text = '{"__proto__":{"polluted":true},"a":{"__proto__":1,"constructor":{"prototype":{"polluted":true}}}}';
    const value = await parseText(text, { stringBytes });
    expect(Object.keys(value as object)).toEqual(['__proto__', 'a']);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect('polluted' in {}).toBe(false);
  });
});

describe('what is not JSON', () => {
  test('is refused exactly where JSON.parse refuses, with one and the same fault however it came', async () => {
    await fc.assert(
      fc.asyncProperty(nearlyJson, cuts(), async (text, at) => {
        let expected: unknown;
        try {
          expected = parseJson(text);
        } catch {
          const position = expect.any(Number);
          const refusal = { code: 'INVALID_JSON', data: { position } };
          const first = await parseText(text).catch((thrown: unknown) => thrown);
          expect(first).toMatchObject(refusal);
          const second = await parse(streamOf(cut(Buffer.from(text), at)), { stringBytes: 8 }, readBack).catch(
            (e) => e,
          );
          expect(second).toMatchObject({ ...refusal, message: (first as Error).message });
          return;
        }
        // A change may have left half a pair, which a spool does not keep.
        fc.pre(!/\\ud[89a-f]/.test(JSON.stringify(expected)));
        const value = await parse(streamOf(cut(Buffer.from(text), at)), { stringBytes: 8 }, readBack);
        expect(isDeepStrictEqual(value, expected)).toBe(true);
      }),
      { numRuns: 600 },
    );
  });

  const long = 'x'.repeat(20);
  test.each([
    ['', 0],
    ['   ', 3],
    ['\ufeff{}', 0],
    ['{', 1],
    ['[1,]', 3],
    ['[1 2]', 3],
    ['{"a":1,}', 7],
    ['{"a" 1}', 5],
    ['{a:1}', 1],
    ["['a']", 1],
    ['[1]]', 3],
    ['{} {}', 3],
    ['null,', 4],
    ['01', 0],
    ['[1.]', 1],
    ['-', 0],
    ['+1', 0],
    ['.5', 0],
    ['1e', 0],
    ['0x10', 0],
    ['NaN', 0],
    ['[Infinity]', 1],
    ['nul', 0],
    ['trues', 0],
    ['/* */1', 0],
    [`"${long}`, 21],
    [`"${long}\\`, 22],
    [`"${long}\n"`, 21],
    [`"${long}\\x"`, 22],
    [`"${long}\\u12g4"`, 25],
    [`"${long}\\u{61}"`, 23],
    [`{"${long}":"${long}"`, 46],
  ])('%j is refused at byte %i', async (text, position) => {
    for (const [, stringBytes] of ways) {
      const parsing = parseText(text, { stringBytes });
      await expect(parsing).rejects.toMatchObject({ code: 'INVALID_JSON', data: { position } });
      await expect(parsing).rejects.toThrow(`at byte ${position}.`);
    }
  });

  test.each([
    ['in a short string', Buffer.from('["a\xff"]', 'latin1'), 3],
    ['in a long string', Buffer.from(`["${long}\xc3("]`, 'latin1'), 22],
    ['a surrogate', Buffer.from('["\xed\xa0\x80"]', 'latin1'), 2],
    ['cut off', Buffer.from(`"${long}\xe6\xbc`, 'latin1'), 21],
  ])('not UTF-8: %s', async (_where, bytes, position) => {
    for (const [, stringBytes] of ways) {
      for (const at of [[], [0.5], [0.2, 0.9], [0.95]]) {
        const parsing = parse(streamOf(cut(bytes, at)), { stringBytes }, readBack);
        await expect(parsing).rejects.toMatchObject({ code: 'INVALID_JSON', data: { position } });
      }
    }
  });

  test.each(ways)('nesting of 64 is taken, of 65 is not (%s)', async (_way, stringBytes) => {
    const nested = (depth: number): string =>
      '[{"a":'.repeat(depth / 2) + (depth % 2 ? '[]' : '0') + '}]'.repeat(depth / 2);
    expect(JSON.stringify(await parseText(nested(64), { stringBytes }))).toBe(nested(64));
    await expect(parseText(nested(65), { stringBytes })).rejects.toMatchObject({ code: 'INVALID_JSON' });
    await expect(parseText(`{"a":${nested(64)},"a":1}`, { stringBytes })).rejects.toThrow('deeper than 64');
    await expect(parseText('['.repeat(100_000), { stringBytes })).rejects.toThrow('deeper than 64 at byte 64.');
    await expect(parseText(`["\\"",${nested(64)}]`, { stringBytes })).rejects.toThrow('deeper than 64');
    const brackets = `["${'['.repeat(100)}\\"${'{'.repeat(100)}",[]]`;
    expect(JSON.stringify(await parseText(brackets, { stringBytes }))).toBe(brackets);
  });

  test.each([
    ['an object key', `{"${'k'.repeat(MIB + 1)}":1}`],
    ['a number', `[${'1'.repeat(MIB + 1)}]`],
  ])('%s over 1 MiB', async (what, text) => {
    await expect(parseText(text)).rejects.toThrow(`holds ${what} of more than`);
  });
});

describe('limits', () => {
  /** Endless blanks in chunks of 1,000 bytes, counting how many were asked for. */
  function blanks(): { stream: AsyncIterable<Uint8Array>; asked: () => number } {
    let asked = 0;
    async function* produce(): AsyncGenerator<Uint8Array> {
      for (;;) {
        asked++;
        yield Buffer.alloc(1000, ' ');
      }
    }
    return { stream: produce(), asked: () => asked };
  }

  const tooLarge = { code: 'BODY_TOO_LARGE', data: { limit: 'RPC_BODY_BYTES', maximum: 10_000 } };

  test('a body of exactly the limit is taken, one byte more is not', async () => {
    const body = (size: number): string => `"${'x'.repeat(size - 2)}"`;
    for (const [, stringBytes] of ways) {
      expect(await parseText(body(10_000), { bodyBytes: 10_000, stringBytes })).toHaveLength(9998);
      await expect(parseText(body(10_001), { bodyBytes: 10_000, stringBytes })).rejects.toMatchObject(tooLarge);
    }
  });

  test('a body over the limit is read to its end', async () => {
    let ended = false;
    async function* produce(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('["a long string ');
      for (let at = 0; at < 19; at++) yield Buffer.alloc(1000, 'x');
      expect(home.held()).toBe(0);
      ended = true;
    }
    const parsing = parse(produce(), { bodyBytes: 10_000, stringBytes: 8 }, readBack);
    await expect(parsing).rejects.toMatchObject(tooLarge);
    expect(ended).toBe(true);
  });

  test('an endless body is read to twice the limit', async () => {
    const { stream, asked } = blanks();
    await expect(parse(stream, { bodyBytes: 10_000 }, readBack)).rejects.toMatchObject(tooLarge);
    expect(asked()).toBe(20);
  });

  test('a broken body is read to its end too, and its size goes before its fault', async () => {
    const chunks = (count: number) => [
      Buffer.from('[}'),
      ...Array.from({ length: count }, () => Buffer.alloc(1000, ' ')),
    ];
    const limits = { bodyBytes: 10_000, stringBytes: 1 };
    await expect(parse(streamOf(chunks(9)), limits, readBack)).rejects.toMatchObject({ code: 'INVALID_JSON' });
    await expect(parse(streamOf(chunks(10)), limits, readBack)).rejects.toMatchObject(tooLarge);
  });

  test.each(ways)('many small values are refused before they fill the heap: %s', async (_way, stringBytes) => {
    const text = `[${'[],'.repeat(99)}{"a":1}]`;
    expect(await parseText(text, { stringBytes, values: 102 })).toHaveLength(100);
    const refusal = { code: 'LIMIT_EXCEEDED', data: { limit: 'RPC_BODY_VALUES', maximum: 101, actual: 102 } };
    await expect(parseText(text, { stringBytes, values: 101 })).rejects.toMatchObject(refusal);
  });

  test.each(ways)('an object of many names is refused, several of few are not: %s', async (_way, stringBytes) => {
    const text = (names: number) => `{"${[...Array(names).keys()].join('":[{"a":0,"b":1}],"')}":1}`;
    expect(Object.keys(Object(await parseText(text(20), { stringBytes, names: 20 })))).toHaveLength(20);
    const refusal = { code: 'LIMIT_EXCEEDED', data: { limit: 'OBJECT_NAMES', maximum: 20, actual: 21 } };
    await expect(parseText(text(21), { stringBytes, names: 20 })).rejects.toMatchObject(refusal);
    await expect(parseText(`[0,${text(21)}]`, { stringBytes, names: 20 })).rejects.toMatchObject(refusal);
    expect(await parseText(`[${'0,'.repeat(30)}0]`, { stringBytes, names: 20 })).toHaveLength(31);
  });

  test('a full budget refuses the body and leaves nothing', async () => {
    const small = countedHome(1000);
    const room = new SpoolRoom(small);
    const parsing = parse(
      streamOf([Buffer.from(`["${'x'.repeat(600)}","${'y'.repeat(600)}"]`)]),
      { stringBytes: 8, room },
      readBack,
    );
    await expect(parsing).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(small.held()).toBe(0);
    expect(small.leftovers()).toEqual([]);
    small.remove();
  });
});

describe('a client', () => {
  test('that goes away in the middle of a string leaves no spool', async () => {
    const halfway = Promise.withResolvers<void>();
    const outcome = Promise.withResolvers<unknown>();
    const server = createServer((incoming, answer) => {
      incoming.once('data', () => halfway.resolve());
      parse(incoming, { stringBytes: 8 }, readBack).then(outcome.resolve, outcome.resolve);
      answer.on('error', () => {});
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    const call = request({ port, host: '127.0.0.1', method: 'POST', headers: { 'content-length': 1_000_000 } });
    call.on('error', () => {});
    call.write(`{"content":"${'x'.repeat(300_000)}`);
    await halfway.promise;
    call.destroy();
    expect(await outcome.promise).toMatchObject({ code: 'ECONNRESET' });
    await new Promise((closed) => server.close(closed));
  });

  test('that sends far too much still gets an answer', async () => {
    const server = createServer((incoming, answer) => {
      parse(incoming, { bodyBytes: 10_000 }, readBack).catch((thrown) => {
        answer.writeHead(413, { connection: 'close' }).end(thrown.code);
      });
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    const call = request({ port, host: '127.0.0.1', method: 'POST', headers: { 'content-length': 5_000_000 } });
    call.write(Buffer.alloc(100_000, ' '));
    const [answer] = await once(call, 'response');
    expect(answer.statusCode).toBe(413);
    expect((await collect(answer)).toString()).toBe('BODY_TOO_LARGE');
    call.on('error', () => {});
    call.destroy();
    await new Promise((closed) => server.close(closed));
  });
});
