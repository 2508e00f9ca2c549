/**
 * Answers as JSON text, made where they are found: as objects they would be copied from thread to thread and written
 * again, which takes longer than finding them. The bytes are shared memory, so they are not copied at all.
 */
import type { LineMatch } from './grep.ts';

/** Characters that are gathered before they become bytes: longer texts cost the collector of garbage more. */
const GATHERED_CHARACTERS = 64 * 1024;

export class MatchesJson {
  count = 0;
  private readonly pieces: Uint8Array[] = [];
  private text = '[';
  private head = '';
  /** The last text that matched, and its JSON: those of a literal are all the same. */
  private matched = '';
  private matchedJson = '""';

  /** The file that the next matches are in. */
  startFile(path: string): void {
    const shown = JSON.stringify(path);
    this.head = `{"path":${shown},"file":${shown},"line":`;
  }

  add(match: LineMatch): void {
    const { line, column, content, before, after } = match;
    let text = `${this.head}${line},"line_number":${line},"column":${column},"content":${JSON.stringify(content)}`;
    if (match.match !== this.matched) {
      this.matched = match.match;
      this.matchedJson = JSON.stringify(match.match);
    }
    text += `,"match":${this.matchedJson}`;
    if (before) text += `,"before":${JSON.stringify(before)}`;
    if (after) text += `,"after":${JSON.stringify(after)}`;
    if (match.truncated) text += ',"truncated":true';
    this.text += this.count === 0 ? `${text}}` : `,${text}}`;
    this.count++;
    if (this.text.length < GATHERED_CHARACTERS) return;
    this.pieces.push(Buffer.from(this.text));
    this.text = '';
  }

  /** The array of all of them. */
  toBytes(): Uint8Array {
    return shared([...this.pieces, Buffer.from(`${this.text}]`)]);
  }
}

export const jsonBytes = (value: unknown): Uint8Array => shared([Buffer.from(JSON.stringify(value))]);

function shared(pieces: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(new SharedArrayBuffer(pieces.reduce((sum, piece) => sum + piece.length, 0)));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
