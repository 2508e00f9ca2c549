/** What comes of files of each modality, readable or not. */
import { deflateSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import { flacOf, jpegOf, jpegSegment, mp3Of, pngOf, wavOf, webpOf } from '../../../../test/corpus/media.ts';
import { type Page, type PdfOptions, pdfOf } from '../../../../test/corpus/pdf.ts';
import type { Computing } from '../../../core/call/computing.ts';
import { openComputing } from '../../../roof/computing.ts';
import type { Modality } from '../plugins/plugin.ts';
import { hashOf } from '../text/rules.ts';
import { textSegments } from '../text/segments.ts';
import { extract, extractBeside } from './extract.ts';
import type { Extracted, ExtractLimits } from './extracted.ts';

const LIMITS: ExtractLimits = { text_bytes: 1_000_000, pdf_pages: 50 };
const CHECKSUM = '0123456789abcdef'.repeat(4);

const extracted = (
  modality: Modality,
  bytes: Uint8Array,
  more: { filename?: string; limits?: ExtractLimits } = {},
): Promise<Extracted> =>
  extract({ modality, bytes, filename: 'a_file-name.x', checksum: CHECKSUM, limits: LIMITS, ...more });

const textOf = ({ text }: Extracted): string => Buffer.from(text?.bytes ?? []).toString('utf8');

describe('a text', () => {
  test('is decoded, counted and hashed', async () => {
    const given = 'TITLE\r\n\r\nSo it is (Smith, 2020). 😀\rend';
    const text = 'TITLE\n\nSo it is (Smith, 2020). 😀\nend';
    const read = await extracted('text', Buffer.from(`\ufeff${given}`));
    expect(textOf(read)).toBe(text);
    expect(read.text).toMatchObject({ sha256: hashOf(text), characters: [...text].length, has_conflict_marks: false });
    const segments = { line_count: 4, char_count: [...text].length, ...textSegments(text, false) };
    expect(read).toMatchObject({ status: 'complete', warning: null, segments });
  });

  test('without characters is partial, and no warning', async () => {
    const segments = { line_count: 1, char_count: 0, ...textSegments('', false) };
    expect(await extracted('text', Buffer.from([0xff]))).toMatchObject({ status: 'partial', warning: null, segments });
  });

  test('tells of conflict marks, and is refused above its limit', async () => {
    expect((await extracted('text', Buffer.from('a\n=======\n'))).text?.has_conflict_marks).toBe(true);
    const limits = { ...LIMITS, text_bytes: 4 };
    const tooLarge = { code: 'LIMIT_EXCEEDED', message: 'Text is larger than 4 bytes' };
    expect(textOf(await extracted('text', Buffer.from('\ufeffa\r\nb\r\n'), { limits }))).toBe('a\nb\n');
    for (const text of ['12345', 'ééé', 'x'.repeat(100)])
      await expect(extracted('text', Buffer.from(text), { limits })).rejects.toMatchObject(tooLarge);
  });
});

describe('a PDF', () => {
  const read = (pages: readonly Page[], options?: PdfOptions): Promise<Extracted> =>
    extracted('pdf', pdfOf(pages, options));

  test('is its pages, line by line', async () => {
    const text = 'A Title\nHello (world)\nPage two';
    const pdf = await read([['A Title', 'Hello (world)'], ['Page two']], { deflated: true });
    expect(textOf(pdf)).toBe(text);
    const segments = { char_count: text.length, page_count: 2, ...textSegments(text, true) };
    expect(pdf).toMatchObject({ status: 'complete', warning: null, segments });
  });

  test('without text is partial, and no warning', async () => {
    expect(await read([{ operators: '0 0 9 9 re f' }])).toMatchObject({
      status: 'partial',
      warning: null,
      segments: { char_count: 0, page_count: 1 },
    });
    expect(await read([])).toMatchObject({ status: 'partial', warning: null, segments: { page_count: 0 } });
  });

  test('whose page cannot be read keeps the others', async () => {
    const pdf = await read([['one'], ['two'], ['three']], { broken: new Map([[3, '(no page)']]) });
    expect(pdf).toMatchObject({ status: 'partial', warning: expect.stringMatching(/^page 3: /) });
    expect(textOf(pdf)).toBe('one\ntwo\n');
  });

  test('whose font names a table of old says what its codes mean', async () => {
    const descendant =
      '<< /Type /Font /Subtype /CIDFontType0 /BaseFont /Ryumin /CIDSystemInfo << /Registry (Adobe) /Ordering (Japan1) /Supplement 2 >> ' +
      '/FontDescriptor << /Type /FontDescriptor /FontName /Ryumin /Flags 4 >> >>';
    const font = `<< /Type /Font /Subtype /Type0 /BaseFont /Ryumin /Encoding /90ms-RKSJ-H /DescendantFonts [${descendant}] >>`;
    // Shift JIS.
    const pdf = await read([{ operators: 'BT /F1 12 Tf 72 720 Td <938c8b9e> Tj ET' }], { font });
    expect(textOf(pdf)).toBe('東京');
  });

  test('that is none says why', async () => {
    const notReadable = (reason: string) => ({ code: 'BAD_REQUEST', message: `Not a readable PDF: ${reason}` });
    await expect(extracted('pdf', Buffer.from('hello'))).rejects.toMatchObject(notReadable('Invalid PDF structure'));
    await expect(extracted('pdf', Buffer.alloc(0))).rejects.toMatchObject(
      notReadable('The PDF file is empty, i.e. its size is zero bytes'),
    );
    const o = '1'.repeat(32);
    const trailer = `/Encrypt << /Filter /Standard /V 1 /R 2 /O (${o}) /U (${o}) /P -4 >> /ID [(a) (b)]`;
    await expect(read([['a']], { trailer })).rejects.toMatchObject(notReadable('No password given'));
  });

  test('has limits of pages and of text', async () => {
    const pages = Array.from({ length: 3 }, () => ['four']);
    const withLimits = (limits: Partial<ExtractLimits>) =>
      extracted('pdf', pdfOf(pages), { limits: { ...LIMITS, ...limits } });
    expect(textOf(await withLimits({ pdf_pages: 3, text_bytes: 14 }))).toBe('four\nfour\nfour');
    await expect(withLimits({ pdf_pages: 2 })).rejects.toMatchObject({
      code: 'LIMIT_EXCEEDED',
      message: 'PDF has more than 2 pages',
    });
    await expect(withLimits({ text_bytes: 13 })).rejects.toMatchObject({
      code: 'LIMIT_EXCEEDED',
      message: 'Text is larger than 13 bytes',
    });
  });

  test('never loads the native canvas', async () => {
    await read([['a']]);
    expect(process.report.getReport()).not.toMatchObject({
      sharedObjects: expect.arrayContaining([expect.stringContaining('skia')]),
    });
  });
});

describe('an image', () => {
  const size = { width: 640, height: 480 };

  test.each([
    ['PNG', pngOf(size, 0), 'L'],
    ['PNG', pngOf(size, 2), 'RGB'],
    ['PNG', pngOf(size, 3), 'P'],
    ['PNG', pngOf(size, 4), 'LA'],
    ['PNG', pngOf(size, 6), 'RGBA'],
    ['JPEG', jpegOf(size, 1), 'L'],
    ['JPEG', jpegOf(size, 3, [jpegSegment(0xe0, 14), jpegSegment(0xc4, 20)]), 'RGB'],
    ['JPEG', jpegOf(size, 4), 'CMYK'],
    ['WebP', webpOf(size), null],
  ])('%s with its size and mode', async (_, bytes, mode) => {
    expect(await extracted('image', bytes)).toEqual({
      status: 'complete',
      text: null,
      segments: {
        filename: 'a_file-name.x',
        size_bytes: bytes.length,
        ocr_spans: [],
        caption_candidate: 'a file name',
        embedding_ref: 'image:0123456789abcdef',
        ...size,
        mode,
      },
      warning: null,
    });
  });

  test('whose header cannot be read is partial, with a warning', async () => {
    for (const bytes of [
      Buffer.alloc(0),
      Buffer.from('no image'),
      pngOf(size, 2).subarray(0, 12),
      pngOf({ width: 0, height: 9 }, 2),
    ]) {
      const image = await extracted('image', bytes);
      expect(image).toMatchObject({ status: 'partial', segments: { width: null, height: null } });
      expect(image.warning).toMatch(/^the header of the image cannot be read: ./);
    }
  });
});

describe('a sound', () => {
  const sound = { rate: 8_000, channels: 2, seconds: 3 };

  test.each([
    ['wav', wavOf(sound), sound],
    ['flac', flacOf(sound), sound],
    ['mp3', mp3Of(100), { rate: 44_100, channels: 2, seconds: (100 * 1152) / 44_100 }],
  ])('%s with its rate, channels and duration', async (extension, bytes, { rate, channels, seconds }) => {
    expect(await extracted('audio', bytes, { filename: `s.${extension}` })).toEqual({
      status: 'complete',
      text: null,
      segments: {
        filename: `s.${extension}`,
        size_bytes: bytes.length,
        sample_rate: rate,
        channels,
        duration_seconds: expect.closeTo(seconds),
        transcription_segments: [{ start: 0, end: Math.round(seconds * 1000) / 1000, text: '', speaker: 'speaker_0' }],
        prosody_summary: { avg_intensity: null, tempo_hint: null },
      },
      warning: null,
    });
  });

  test('whose header cannot be read is partial, with a warning', async () => {
    for (const bytes of [Buffer.alloc(0), Buffer.from('no sound'), wavOf(sound).subarray(0, 20)]) {
      const read = await extracted('audio', bytes, { filename: 's.wav' });
      expect(read).toMatchObject({
        status: 'partial',
        segments: { duration_seconds: null, transcription_segments: [] },
      });
      expect(read.warning).toMatch(/^the header of the sound cannot be read: ./);
    }
  });
});

test('anything else is pending, and nothing is told of it', async () => {
  expect(await extracted('binary', Buffer.from('x'))).toEqual({
    status: 'pending',
    text: null,
    segments: {},
    warning: null,
  });
});

describe('beside the event loop', () => {
  const computing = openComputing({ outsideBytes: 100 * 1024 * 1024 });
  afterAll(() => computing.close());
  const beside = (
    modality: Modality,
    bytes: Uint8Array,
    by: { computing?: Computing; signal?: AbortSignal } = {},
  ): Promise<Extracted> =>
    extractBeside(
      { computing, signal: new AbortController().signal, ...by },
      { modality, bytes, filename: 'f.x', checksum: CHECKSUM, limits: { ...LIMITS, text_bytes: 10_000_000 } },
    );

  test('it is the same', async () => {
    const text = 'é\n'.repeat(100_000);
    const given = Uint8Array.from(Buffer.from(text));
    const read = await beside('text', given);
    expect(read).toMatchObject({ status: 'complete', text: { sha256: hashOf(text), characters: 200_000 } });
    expect(textOf(read)).toBe(text);
    expect(given.length).toBe(0);
    expect(textOf(await beside('pdf', pdfOf([['a'], ['b']])))).toBe('a\nb');
    expect(await beside('image', jpegOf({ width: 3, height: 4 }, 3))).toMatchObject({
      segments: { width: 3, height: 4, mode: 'RGB' },
    });
    expect(await beside('audio', wavOf({ rate: 100, channels: 1, seconds: 1 }))).toMatchObject({
      segments: { duration_seconds: 1 },
    });
  });

  test('a short text needs no thread', async () => {
    const idle = openComputing();
    await beside('text', Buffer.from('x'), { computing: idle });
    await beside('binary', Buffer.alloc(100_000), { computing: idle });
    expect(idle.threads).toBe(0);
  });

  test('a file that takes too much memory is an outcome, and the next is read', async () => {
    const packed = deflateSync(Buffer.alloc(300_000_000, ' '));
    const bomb = pdfOf([['a']], { packed });
    await expect(beside('pdf', bomb)).rejects.toMatchObject({
      message: 'Not a readable PDF: it takes more memory than it may',
    });
    expect(textOf(await beside('pdf', pdfOf([['a']])))).toBe('a');
  });

  test('an abort of the attempt is no outcome', async () => {
    const signal = AbortSignal.abort(new Error('cancelled'));
    await expect(beside('pdf', pdfOf([['a']]), { signal })).rejects.toThrow('cancelled');
  });

  test('files changed at random end, as a result or as a fault', async () => {
    let seed = 1;
    const below = (n: number): number => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return (seed >>> 8) % n;
    };
    const files: [Modality, Buffer][] = [
      ['pdf', pdfOf([['Hello', 'world'], ['two']], { deflated: true })],
      ['pdf', pdfOf([['Hello', 'world'], ['two']])],
      ['image', jpegOf({ width: 3, height: 4 }, 3, [jpegSegment(0xe1, 30)])],
      ['image', pngOf({ width: 3, height: 4 }, 3)],
      ['audio', wavOf({ rate: 100, channels: 1, seconds: 1 })],
      ['audio', mp3Of(4)],
      ['audio', flacOf({ rate: 100, channels: 1, seconds: 1 })],
    ];
    for (let round = 0; round < 20; round++) {
      for (const [modality, file] of files) {
        const bytes = Uint8Array.from(file).subarray(0, below(3) === 0 ? below(file.length) : file.length);
        for (let n = below(10); n >= 0; n--) bytes[below(bytes.length)] = below(256);
        const outcome = await beside(modality, bytes).then(
          ({ status }) => status,
          ({ code, message }) => `${code} ${message}`,
        );
        expect(outcome).toMatch(
          /^(complete|partial|BAD_REQUEST Not a readable PDF: .+|LIMIT_EXCEEDED PDF has more than 50 pages)$/,
        );
      }
    }
  });
});
