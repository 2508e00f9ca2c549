/** PDFs of tests, as small as they may be. */
import { deflateSync } from 'node:zlib';

/** A page: its lines, or the operators that draw it. */
export type Page = readonly string[] | { readonly operators: string };

const LINE_HEIGHT = 14;

function operatorsOf(page: Page): string {
  if ('operators' in page) return page.operators;
  const lines = page.map((line) => `(${line.replace(/[\\()]/g, '\\$&')}) Tj T*`);
  return `BT /F1 12 Tf ${LINE_HEIGHT} TL 72 720 Td ${lines.join(' ')} ET`;
}

export interface PdfOptions {
  /** Page content is deflated. */
  readonly deflated?: boolean;
  /** More entries of the trailer. */
  readonly trailer?: string;
  /** What stands in the place of a page, by its number from 1. */
  readonly broken?: ReadonlyMap<number, string>;
  /** Instead of what pages draw, as it is deflated. */
  readonly packed?: Buffer;
  /** Instead of Helvetica. */
  readonly font?: string;
}

/** One with the pages given. */
export function pdfOf(
  pages: readonly Page[],
  { deflated = false, trailer = '', broken, packed, font }: PdfOptions = {},
): Buffer {
  const numberOf = (n: number): number => 4 + 2 * n;
  const kids = pages.map((_, n) => `${numberOf(n)} 0 R`).join(' ');
  const objects: (string | Buffer)[] = [
    '<< /Type /Catalog /Pages 2 0 R >>',
    `<< /Type /Pages /Kids [${kids}] /Count ${pages.length} >>`,
    font ?? '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>',
  ];
  pages.forEach((page, n) => {
    const content = numberOf(n) + 1;
    objects.push(
      broken?.get(n + 1) ??
        `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources << /Font << /F1 3 0 R >> >> /Contents ${content} 0 R >>`,
      packed ? deflatedStream(packed) : streamOf(operatorsOf(page), deflated),
    );
  });
  return fileOf(objects, trailer);
}

const streamOf = (operators: string, deflated: boolean): Buffer =>
  deflated ? deflatedStream(deflateSync(operators)) : streamObject(Buffer.from(operators, 'latin1'), '');
const deflatedStream = (bytes: Buffer): Buffer => streamObject(bytes, ' /Filter /FlateDecode');

const streamObject = (bytes: Buffer, filter: string): Buffer =>
  Buffer.concat([Buffer.from(`<< /Length ${bytes.length}${filter} >>\nstream\n`), bytes, Buffer.from('\nendstream')]);

/** Objects by their numbers from 1; the first is the catalog. */
function fileOf(objects: readonly (string | Buffer)[], trailer: string): Buffer {
  const parts: Buffer[] = [Buffer.from('%PDF-1.7\n')];
  let length = parts[0]?.length ?? 0;
  const offsets = objects.map((object, n) => {
    const part = Buffer.concat([Buffer.from(`${n + 1} 0 obj\n`), Buffer.from(object), Buffer.from('\nendobj\n')]);
    parts.push(part);
    length += part.length;
    return length - part.length;
  });
  const table = offsets.map((offset) => `${String(offset).padStart(10, '0')} 00000 n \n`).join('');
  const size = objects.length + 1;
  return Buffer.concat([
    ...parts,
    Buffer.from(`xref\n0 ${size}\n0000000000 65535 f \n${table}`),
    Buffer.from(`trailer\n<< /Size ${size} /Root 1 0 R ${trailer} >>\nstartxref\n${length}\n%%EOF\n`),
  ]);
}
