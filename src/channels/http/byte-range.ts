/** The Range header (RFC 9110 §14), of which a file answers one range of bytes. */

export interface ByteRange {
  readonly start: number;
  /** Past the last byte. */
  readonly end: number;
}

/** The range to send; `whole` where the header is to be ignored, `none` where nothing of the file lies in it. */
export function rangeOf(header: string | undefined, size: number): ByteRange | 'whole' | 'none' {
  const list = /^\s*bytes\s*=(.*)$/i.exec(header ?? '')?.[1];
  if (list === undefined) return 'whole';
  const wanted = list
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
  const ranges = wanted.map((item) => oneRange(item, size));
  const [first] = ranges;
  if (first === undefined || ranges.includes('whole')) return 'whole';
  if (ranges.every((range) => range === 'none')) return 'none';
  return ranges.length === 1 ? first : 'whole';
}

function oneRange(item: string, size: number): ByteRange | 'whole' | 'none' {
  const found = /^(\d*)\s*-\s*(\d*)$/.exec(item);
  const [, first = '', last = ''] = found ?? [];
  if (first === '' && last === '') return 'whole';
  if (first === '') {
    const count = Number(last);
    if (count === 0) return 'none';
    // The last bytes of nothing are nothing, for which a 206 has no form.
    return size === 0 ? 'whole' : { start: Math.max(0, size - count), end: size };
  }
  const start = Number(first);
  if (last !== '' && Number(last) < start) return 'whole';
  if (start >= size) return 'none';
  return { start, end: last === '' ? size : Math.min(size, Number(last) + 1) };
}
