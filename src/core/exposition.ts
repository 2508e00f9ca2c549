/** Figures in the text format 0.0.4 of Prometheus, each metric with HELP and TYPE (files.md §12). */
import { countOf, type Distribution } from '../base/distribution.ts';

export interface Metric {
  readonly name: string;
  readonly help: string;
}

export interface Sample {
  /** In the form of the exposition, without braces. */
  readonly labels?: string;
  readonly value: number;
}

interface Plain extends Metric {
  readonly kind: 'counter' | 'gauge' | 'histogram';
}

const headOf = ({ name, help }: Metric, kind: string): string => `# HELP ${name} ${help}\n# TYPE ${name} ${kind}\n`;

const lineOf = (name: string, { labels, value }: Sample): string =>
  `${name}${labels === undefined ? '' : `{${labels}}`} ${value}\n`;

export const metricText = (metric: Plain, ...samples: readonly Sample[]): string =>
  headOf(metric, metric.kind) + samples.map((sample) => lineOf(metric.name, sample)).join('');

/** Each bucket counts all that is not larger than its bound. */
export function histogramText(metric: Metric, values: Distribution): string {
  const { name } = metric;
  let below = 0;
  const buckets = [...values.bounds, '+Inf'].map((bound, i) => {
    below += values.counts[i] ?? 0;
    return lineOf(`${name}_bucket`, { labels: `le="${bound}"`, value: below });
  });
  const rest = [lineOf(`${name}_sum`, { value: values.sum }), lineOf(`${name}_count`, { value: countOf(values) })];
  return headOf(metric, 'histogram') + [...buckets, ...rest].join('');
}
