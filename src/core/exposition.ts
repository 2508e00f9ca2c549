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

export interface Spread {
  /** In the form of the exposition, without braces. */
  readonly labels?: string;
  readonly values: Distribution;
}

/** Each bucket counts all that is not larger than its bound. */
export const histogramText = (metric: Metric, ...spreads: readonly Spread[]): string =>
  headOf(metric, 'histogram') + spreads.map((spread) => spreadText(metric.name, spread)).join('');

function spreadText(name: string, { labels, values }: Spread): string {
  let below = 0;
  const buckets = [...values.bounds, '+Inf'].map((bound, i) => {
    below += values.counts[i] ?? 0;
    const le = `le="${bound}"`;
    return lineOf(`${name}_bucket`, { labels: labels === undefined ? le : `${le},${labels}`, value: below });
  });
  const own = labels === undefined ? {} : { labels };
  const rest = [
    lineOf(`${name}_sum`, { ...own, value: values.sum }),
    lineOf(`${name}_count`, { ...own, value: countOf(values) }),
  ];
  return [...buckets, ...rest].join('');
}

/** Labels of a sample. */
export const labelsText = (labels: Readonly<Record<string, string>>): string =>
  Object.entries(labels)
    .map(
      ([name, value]) => `${name}="${value.replace(/["\\\n]/g, (found) => (found === '\n' ? '\\n' : `\\${found}`))}"`,
    )
    .join(',');
