/**
 * Clocks of time zones. Local times are written as milliseconds, as if they were of UTC. Guarantees: a later local time is
 * never an earlier instant; one that does not exist is the first instant after the gap, one that comes twice the first.
 */

const SECOND_MS = 1_000;
const DAY_MS = 86_400_000;
/** Making one takes long. */
const clocks = new Map<string, Intl.DateTimeFormat>();
const CLOCKS_KEPT = 1_000;

function clockOf(timezone: string): Intl.DateTimeFormat {
  const known = clocks.get(timezone);
  if (known) return known;
  const made = new Intl.DateTimeFormat('en', {
    timeZone: timezone,
    calendar: 'iso8601',
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  if (clocks.size >= CLOCKS_KEPT) clocks.clear();
  clocks.set(timezone, made);
  return made;
}

/** What the clock of a zone shows at an instant. */
export function localTime(timezone: string, instant: number): number {
  const shown: Record<string, number> = {};
  for (const { type, value } of clockOf(timezone).formatToParts(instant)) shown[type] = Number(value);
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = shown;
  return Date.UTC(year, month - 1, day, hour, minute, second) + (instant - floorToSecond(instant));
}

const floorToSecond = (at: number): number => Math.floor(at / SECOND_MS) * SECOND_MS;

/** The instant of a local time. */
export function instantOf(timezone: string, local: number): number {
  const aheadAt = (instant: number): number => localTime(timezone, instant) - instant;
  // Clocks change by a day at most, and not twice within two.
  const before = aheadAt(local - DAY_MS);
  const after = aheadAt(local + DAY_MS);
  if (before === after) return local - before;
  const first = local - Math.max(before, after);
  if (localTime(timezone, first) === local) return first;
  const last = local - Math.min(before, after);
  if (localTime(timezone, last) === local) return last;
  // In the gap: the change lies behind `first`, and not behind `last`.
  let [still, changed] = [first, last];
  while (changed - still > 1) {
    const middle = Math.floor((still + changed) / 2);
    if (aheadAt(middle) === after) changed = middle;
    else still = middle;
  }
  return changed;
}
