/**
 * The text of a PDF (corpus.md §5): pages in turn, joined by LF, within a page the items in reading order. Guarantees: one page is
 * held at a time; a page that cannot be read leaves the others; nothing is drawn and no script of a file is run. What never
 * ends or takes too much memory is for the caller to stop: it runs in a computing thread.
 */
import { createRequire, registerHooks } from 'node:module';
import { dirname, join } from 'node:path';
import type { ReadableStream } from 'node:stream/web';
import type { PDFDocumentProxy } from 'pdfjs-dist';
import type { TextContent } from 'pdfjs-dist/types/src/display/api.js';
import { Fault } from '../../../base/faults.ts';
import { cleanUtf8 } from '../text/decode.ts';
import { textSegments } from '../text/segments.ts';
import {
  type ExtractAsked,
  type Extracted,
  type ExtractLimits,
  extractedText,
  reasonOf,
  tooLarge,
} from './extracted.ts';

export async function extractPdf({ bytes, limits }: Pick<ExtractAsked, 'bytes' | 'limits'>): Promise<Extracted> {
  const pdfjs = await loadPdfjs();
  const task = pdfjs.getDocument({
    ...SAFE,
    ...foldersOf(),
    verbosity: pdfjs.VerbosityLevel.ERRORS,
    data: plain(bytes),
  });
  try {
    const document = await task.promise.catch((thrown: unknown) => {
      throw notReadable(reasonOf(thrown));
    });
    const page_count = document.numPages;
    if (page_count > limits.pdf_pages) throw tooManyPages(limits.pdf_pages);
    const { pages, failures } = await readPages(document, limits);
    const { text, ...extracted } = extractedText(cleanUtf8(Buffer.from(pages.join('\n'))), limits);
    const char_count = extracted.characters;
    return {
      status: char_count > 0 && failures.length === 0 ? 'complete' : 'partial',
      text: extracted,
      segments: { char_count, page_count, ...textSegments(text, true) },
      warning: warningOf(failures, page_count),
    };
  } finally {
    await task.destroy();
  }
}

export const notReadable = (reason: string): Fault => new Fault('BAD_REQUEST', `Not a readable PDF: ${reason}`);

const tooManyPages = (maximum: number): Fault =>
  new Fault('LIMIT_EXCEEDED', `PDF has more than ${maximum} pages`, { limit: 'PDF_PAGES', maximum });

/** It does not take a Buffer. */
const plain = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Neither fonts nor images are needed for the text. */
const SAFE = {
  disableFontFace: true,
  useSystemFonts: false,
  useWasm: false,
  useWorkerFetch: false,
  isOffscreenCanvasSupported: false,
  isImageDecoderSupported: false,
  enableXfa: false,
  maxImageSize: 0,
} as const;

/** Which characters codes of old fonts mean. Where the package is not beside ours, such fonts stay unread. */
function foldersOf(): { cMapUrl?: string; standardFontDataUrl?: string } {
  try {
    const root = dirname(createRequire(import.meta.url).resolve('pdfjs-dist/package.json'));
    return { cMapUrl: join(root, 'cmaps/'), standardFontDataUrl: join(root, 'standard_fonts/') };
  } catch {
    return {};
  }
}

interface PagesRead {
  readonly pages: readonly string[];
  /** `page 3: reason`. */
  readonly failures: readonly string[];
}

async function readPages(document: PDFDocumentProxy, { text_bytes }: ExtractLimits): Promise<PagesRead> {
  const pages: string[] = [];
  const failures: string[] = [];
  let left = text_bytes;
  for (let number = 1; number <= document.numPages; number++) {
    const page = await readPage(document, number, left).catch((thrown: unknown) => {
      failures.push(`page ${number}: ${reasonOf(thrown)}`);
      return '';
    });
    left -= Buffer.byteLength(page) + (number === 1 ? 0 : 1);
    if (left < 0) throw tooLarge(text_bytes);
    pages.push(page);
  }
  return { pages, failures };
}

/** Of a page that is longer than `most` characters the beginning, which is longer too. */
async function readPage(document: PDFDocumentProxy, number: number, most: number): Promise<string> {
  const page = await document.getPage(number);
  let text = '';
  try {
    const stream: ReadableStream<TextContent> = page.streamTextContent();
    for await (const { items } of stream) {
      for (const item of items) if ('str' in item) text += item.hasEOL ? `${item.str}\n` : item.str;
      if (text.length > most) break;
    }
  } finally {
    page.cleanup();
  }
  return text;
}

function warningOf(failures: readonly string[], pages: number): string | null {
  const [first] = failures;
  if (first === undefined) return null;
  return failures.length === 1
    ? first
    : `${failures.length} of ${pages} pages cannot be read, the first of them ${first}`;
}

const NATIVE_CANVAS = '@napi-rs/canvas';

/** Without what it would draw with: 30 MB of native code, if somebody has installed it. */
async function loadPdfjs(): Promise<typeof import('pdfjs-dist')> {
  const drawing = globalThis as { DOMMatrix?: unknown; Path2D?: unknown };
  drawing.DOMMatrix ??= class {};
  drawing.Path2D ??= class {};
  const hooks = registerHooks({
    resolve: (specifier, context, next) =>
      specifier === NATIVE_CANVAS ? { url: 'node:constants', shortCircuit: true } : next(specifier, context),
  });
  try {
    // Its other half, which it else would start by the address of a file. It is found by having been loaded.
    await import('pdfjs-dist/legacy/build/pdf.worker.min.mjs');
    return await import('pdfjs-dist/legacy/build/pdf.min.mjs');
  } finally {
    hooks.deregister();
  }
}
