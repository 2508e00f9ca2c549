/**
 * Answers as JSON text, made where they are found: as objects they would be copied from thread to thread and written
 * again, which takes longer than finding them. The text lies in shared memory, so it is not copied at all.
 */
import type { LineMatch } from './grep.ts';

/** Bytes of one piece of shared memory, and characters that are gathered before they are written there. */
const PIECE_BYTES = 1024 * 1024;
const GATHERED_CHARACTERS = 32 * 1024;
/** UTF-8 bytes of one UTF-16 unit, at most. */
const UNIT_BYTES = 3;

/** JSON text in UTF-8, in pieces. */
export type JsonPieces = Uint8Array[];

class SharedText {
  private readonly full: Uint8Array[] = [];
  private piece: Buffer = Buffer.alloc(0);
  private length = 0;
  /** Bytes in all pieces. */
  size = 0;

  write(text: string): void {
    const most = text.length * UNIT_BYTES;
    if (this.length + most > this.piece.length) {
      // Most answers are small, and are one piece of their own size.
      const bytes = this.length === 0 ? most : Math.max(most, PIECE_BYTES);
      this.full.push(this.piece.subarray(0, this.length));
      this.piece = Buffer.from(new SharedArrayBuffer(bytes));
      this.length = 0;
    }
    const written = this.piece.write(text, this.length);
    this.length += written;
    this.size += written;
  }

  pieces(): JsonPieces {
    return [...this.full, this.piece.subarray(0, this.length)].filter(({ length }) => length > 0);
  }
}

export class MatchesJson {
  count = 0;
  private readonly written = new SharedText();
  private gathered = '[';
  private head = '';
  /** The last text that matched, and its JSON: those of a literal are all the same. */
  private matched = '';
  private matchedJson = '""';

  /** Bytes so far, up to those of the last few matches. */
  get size(): number {
    return this.written.size;
  }

  /** The file that the next matches are in. */
  startFile(path: string): void {
    const shown = JSON.stringify(path);
    this.head = `{"path":${shown},"file":${shown},"line":`;
  }

  add(match: LineMatch): void {
    const { line, column, content, before, after } = match;
    if (match.match !== this.matched) {
      this.matched = match.match;
      this.matchedJson = JSON.stringify(match.match);
    }
    let text = `${this.head}${line},"line_number":${line},"column":${column},"content":${JSON.stringify(content)}`;
    text += `,"match":${this.matchedJson}`;
    if (before) text += `,"before":${JSON.stringify(before)}`;
    if (after) text += `,"after":${JSON.stringify(after)}`;
    if (match.truncated) text += ',"truncated":true';
    this.gathered += this.count === 0 ? `${text}}` : `,${text}}`;
    this.count++;
    if (this.gathered.length > GATHERED_CHARACTERS) this.flush();
  }

  /** The array of all of them. */
  pieces(): JsonPieces {
    this.gathered += ']';
    this.flush();
    return this.written.pieces();
  }

  private flush(): void {
    this.written.write(this.gathered);
    this.gathered = '';
  }
}

export function jsonPieces(value: unknown): JsonPieces {
  const text = new SharedText();
  text.write(JSON.stringify(value));
  return text.pieces();
}
