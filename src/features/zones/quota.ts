/** Limits of a zone (access.md §5). Usage is counted in the transaction of the change, so nothing overshoots by one. */
import { Fault } from '../../base/faults.ts';
import { parseJson } from '../../base/parse-json.ts';
import type { Counter, ZoneRow } from '../../core/operation.ts';

/** Limits of a zone by name (`max_…`); absent or 0 means none. */
export type ZoneLimits = Readonly<Record<string, number>>;

/** Texts of limits repeat across calls; the parsed form is kept by text, for a bounded number of texts. */
const parsed = new Map<string, ZoneLimits>();
const PARSED_MAX = 1000;

export function limitsOf(zone: Pick<ZoneRow, 'limits'>): ZoneLimits {
  const known = parsed.get(zone.limits);
  if (known) return known;
  const limits = parseJson(zone.limits) as ZoneLimits;
  if (parsed.size >= PARSED_MAX) parsed.clear();
  parsed.set(zone.limits, limits);
  return limits;
}

const HELP: Record<string, string> = {
  storage_bytes: 'Delete files, or ask a root admin for a higher limit.',
  files: 'Delete files, or ask a root admin for a higher limit.',
  keys: 'Revoke keys, or ask a root admin for a higher limit.',
  agents: 'Delete agents, or ask a root admin for a higher limit.',
  tuples: 'Delete tuples, or ask a root admin for a higher limit.',
  jobs_queued: 'Wait until jobs have finished, cancel some, or ask a root admin for a higher limit.',
  file_bytes: 'Write a smaller file, or ask a root admin for a higher limit.',
};

/** QUOTA_EXCEEDED unless `by` more still fits. */
export function checkQuota(
  zone: Pick<ZoneRow, 'zone_id' | 'limits'>,
  counter: Counter | 'file_bytes' | 'agents' | 'jobs_queued',
  growth: { readonly used: number; readonly by: number },
): void {
  const quota = `max_${counter}`;
  const limit = limitsOf(zone)[quota] ?? 0;
  if (limit === 0 || growth.used + growth.by <= limit) return;
  throw new Fault(
    'QUOTA_EXCEEDED',
    `Zone ${zone.zone_id}: ${quota} is ${limit}, ${growth.used} used, ${growth.by} more asked for. ${HELP[counter]}`,
    { quota, limit, used: growth.used, requested: growth.by },
  );
}
