/**
 * What the header of an image tells (corpus.md §5). Guarantees: a header that cannot be read is a warning; no pixel is decoded.
 */

import { titleStem } from '../ingest/titles.ts';
import { trimBlanks } from '../text/rules.ts';
import { type ExtractAsked, type Extracted, reasonOf } from './extracted.ts';

export type ImageMode = 'L' | 'LA' | 'P' | 'RGB' | 'RGBA' | 'CMYK';

const CHECKSUM_CHARACTERS = 16;

export async function extractImage({ bytes, filename, checksum }: Omit<ExtractAsked, 'limits'>): Promise<Extracted> {
  const size = await sizeOf(bytes);
  const warning = 'reason' in size ? `the header of the image cannot be read: ${size.reason}` : null;
  return {
    status: warning === null ? 'complete' : 'partial',
    text: null,
    segments: {
      filename,
      size_bytes: bytes.length,
      ocr_spans: [],
      caption_candidate: trimBlanks(titleStem(filename).replace(/[-_]/g, ' ')),
      embedding_ref: `image:${checksum.slice(0, CHECKSUM_CHARACTERS)}`,
      width: 'reason' in size ? null : size.width,
      height: 'reason' in size ? null : size.height,
      mode: modeOf(bytes),
    },
    warning,
  };
}

async function sizeOf(bytes: Uint8Array): Promise<{ width: number; height: number } | { reason: string }> {
  const { imageSize } = await import('image-size');
  try {
    const { width, height } = imageSize(bytes);
    return width > 0 && height > 0 ? { width, height } : { reason: 'it has no width or height' };
  } catch (thrown) {
    return { reason: reasonOf(thrown) };
  }
}

/** Of a PNG or a JPEG. */
function modeOf(bytes: Uint8Array): ImageMode | null {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.subarray(0, PNG.length).equals(PNG)) return PNG_MODES.get(view[PNG_COLOUR_AT] ?? -1) ?? null;
  return view.subarray(0, JPEG.length).equals(JPEG) ? jpegMode(view) : null;
}

const PNG = Buffer.from('89504e470d0a1a0a', 'hex');
/** Behind the length and name of IHDR, width, height and depth. */
const PNG_COLOUR_AT = 25;
const PNG_MODES: ReadonlyMap<number, ImageMode> = new Map([
  [0, 'L'],
  [2, 'RGB'],
  [3, 'P'],
  [4, 'LA'],
  [6, 'RGBA'],
]);

const JPEG = Buffer.from('ffd8', 'hex');
const JPEG_MODES: ReadonlyMap<number, ImageMode> = new Map([
  [1, 'L'],
  [3, 'RGB'],
  [4, 'CMYK'],
]);
const SEGMENT_START = 0xff;
/** Behind marker, length, depth, height and width of the segment that begins a frame. */
const COMPONENTS_AT = 9;

/** C0 to CF begin a frame, but for tables (C4, CC) and an extension (C8). */
const isFrame = (marker: number): boolean => marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);

function jpegMode(view: Buffer): ImageMode | null {
  for (let at = JPEG.length; at + COMPONENTS_AT < view.length; ) {
    if (view[at] !== SEGMENT_START) return null;
    const marker = view[at + 1] ?? 0;
    if (isFrame(marker)) return JPEG_MODES.get(view[at + COMPONENTS_AT] ?? 0) ?? null;
    // A filler is one byte; the length of a segment does not count its marker.
    at += marker === SEGMENT_START ? 1 : 2 + view.readUInt16BE(at + 2);
  }
  return null;
}
