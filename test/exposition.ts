/**
 * The text format 0.0.4 of Prometheus, read as strictly as `promtool check metrics` does: a metric has HELP and TYPE
 * before its samples and once, a counter is named `_total`, the buckets of a histogram are cumulative and end with +Inf.
 */

/** Samples by their name with labels, as they were written. */
export type Samples = ReadonlyMap<string, number>;

interface Kinds {
  readonly helped: Set<string>;
  readonly typed: Map<string, string>;
}

const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{([^}]*)\})? (\S+)$/;
const LABELS = /^(?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\"n])*"(?:,|$))*$/;

export function readExposition(text: string): Samples {
  const kinds: Kinds = { helped: new Set(), typed: new Map() };
  const samples = new Map<string, number>();
  if (!text.endsWith('\n')) throw new Error('the last line has no end');
  for (const line of text.split('\n')) {
    if (line === '') continue;
    if (line.startsWith('#')) note(kinds, line);
    else {
      const [, name = '', labels, value] = SAMPLE.exec(line) ?? [];
      if (name === '' || Number.isNaN(Number(value))) throw new Error(`no sample: ${line}`);
      if (labels !== undefined && !LABELS.test(labels)) throw new Error(`wrong labels: ${line}`);
      const key = line.slice(0, line.lastIndexOf(' '));
      if (samples.has(key)) throw new Error(`twice: ${key}`);
      checkKnown(kinds, name);
      samples.set(key, Number(value));
    }
  }
  for (const [name, kind] of kinds.typed) if (kind === 'histogram') checkHistogram(name, samples);
  return samples;
}

function note({ helped, typed }: Kinds, line: string): void {
  const [, word, name = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? [];
  if (word === 'HELP') {
    if (helped.has(name)) throw new Error(`helped twice: ${name}`);
    helped.add(name);
  } else if (word === 'TYPE') {
    if (typed.has(name)) throw new Error(`typed twice: ${name}`);
    if (!['counter', 'gauge', 'histogram'].includes(rest)) throw new Error(`no type: ${line}`);
    if (rest === 'counter' && !name.endsWith('_total')) throw new Error(`a counter is named _total: ${name}`);
    if (rest !== 'counter' && name.endsWith('_total')) throw new Error(`only a counter is named _total: ${name}`);
    typed.set(name, rest);
  } else throw new Error(`neither HELP nor TYPE: ${line}`);
}

function checkKnown({ helped, typed }: Kinds, name: string): void {
  const whole = name.replace(/_(bucket|sum|count)$/, '');
  const metric = typed.get(whole) === 'histogram' ? whole : name;
  if (!helped.has(metric) || !typed.has(metric)) throw new Error(`${name} has no HELP or no TYPE`);
  if (metric === name && typed.get(name) === 'histogram') throw new Error(`${name} is a histogram`);
}

/** For each set of labels: bounds and counts ascend, the last bound is +Inf and counts what `_count` says. */
function checkHistogram(name: string, samples: Samples): void {
  const seen = new Map<string, { bound: number; count: number }>();
  for (const [key, count] of samples) {
    if (!key.startsWith(`${name}_bucket{`)) continue;
    const le = /le="([^"]+)"/.exec(key)?.[1] ?? '';
    const bound = le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le);
    const others = key.slice(`${name}_bucket`.length).replace(/,?le="[^"]+",?/, '');
    const before = seen.get(others);
    if (Number.isNaN(bound) || (before && (bound <= before.bound || count < before.count))) throw new Error(key);
    seen.set(others, { bound, count });
  }
  for (const [others, { bound, count }] of seen) {
    const labels = others === '{}' ? '' : others;
    const told = samples.get(`${name}_count${labels}`);
    if (bound !== Number.POSITIVE_INFINITY || told !== count) throw new Error(`${name}${labels}: ${told} for ${count}`);
    if (!samples.has(`${name}_sum${labels}`)) throw new Error(`${name}${labels} has no sum`);
  }
}
