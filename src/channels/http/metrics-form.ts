/** Which form of the metrics a request gets: JSON, or the Prometheus exposition (files.md §12, "Which form"). */
import { invalidParams } from '../../base/faults.ts';

export type MetricsForm = 'json' | 'prometheus';

interface FormRequest {
  readonly format: string | undefined;
  readonly accept: string | undefined;
  readonly authorization: string | undefined;
}

export function metricsForm(request: FormRequest): MetricsForm {
  const { format } = request;
  if (format === 'json' || format === 'prometheus') return format;
  if (format !== undefined) throw invalidParams({ path: 'format', message: 'json or prometheus' });
  const accept = parseAccept(request.accept ?? '*/*');
  const text = Math.max(quality(accept, 'text/plain'), quality(accept, 'application/openmetrics-text'));
  const json = quality(accept, 'application/json');
  if (text !== json) return text > json ? 'prometheus' : 'json';
  if (accept.some((range) => range.type === 'application/json')) return 'json';
  return request.authorization === undefined ? 'json' : 'prometheus';
}

interface MediaRange {
  readonly type: string;
  readonly q: number;
}

const parseAccept = (header: string): MediaRange[] =>
  header.split(',').map((part) => {
    const [type = '', ...parameters] = part.split(';').map((piece) => piece.trim().toLowerCase());
    const q = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2);
    const value = q === undefined ? 1 : Number(q);
    return { type, q: Number.isFinite(value) ? value : 1 };
  });

/** The most specific range that takes the type decides (RFC 9110 §12.5.1). */
function quality(ranges: readonly MediaRange[], type: string): number {
  for (const candidate of [type, `${type.split('/')[0]}/*`, '*/*']) {
    const found = ranges.find((range) => range.type === candidate);
    if (found) return found.q;
  }
  return 0;
}
