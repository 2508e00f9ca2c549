/**
 * The lines of a text, by offset. Guarantees: a line ends with LF or CRLF; what follows the last LF is a line only when
 * it is not empty, so a final newline begins no line; nothing is copied until a line is asked for.
 */

export interface Lines {
  readonly text: string;
  readonly count: number;
  /** Offset in UTF-16 units at which each line begins, and the length of the text at the end: `count + 1` numbers. */
  readonly starts: Int32Array;
}

const LF = 10;
const CR = 13;

export function linesOf(text: string): Lines {
  let count = 0;
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) === LF) count++;
  if (text.length > 0 && text.charCodeAt(text.length - 1) !== LF) count++;
  const starts = new Int32Array(count + 1);
  let line = 0;
  for (let i = 0; i < text.length - 1; i++) if (text.charCodeAt(i) === LF) starts[++line] = i + 1;
  starts[count] = text.length;
  return { text, count, starts };
}

/** Offset of the end of a line, its line ending left out. */
export function lineEnd({ text, starts }: Lines, line: number): number {
  const start = starts[line]!;
  const end = starts[line + 1]!;
  if (end === start || text.charCodeAt(end - 1) !== LF) return end;
  return end - 1 > start && text.charCodeAt(end - 2) === CR ? end - 2 : end - 1;
}

/** A line without its line ending. */
export const lineText = (lines: Lines, line: number): string =>
  lines.text.slice(lines.starts[line], lineEnd(lines, line));

/** The line ending of a line: LF, CRLF, or empty. */
export const lineBreak = (lines: Lines, line: number): string =>
  lines.text.slice(lineEnd(lines, line), lines.starts[line + 1]);

/** The line that holds an offset. */
export function lineAt({ starts, count }: Lines, offset: number): number {
  let low = 0;
  let high = count - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (starts[middle]! <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}
