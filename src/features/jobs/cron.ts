/**
 * Cron lines with time zones. Guarantees: a local time that does not exist fires at the first instant after the gap, one
 * that comes twice the first time; wildcard hours and minutes follow real time (platform.md §2.8). Pure: the time is given.
 */
import { Cron } from 'croner';
import { type Fault, invalidParams } from '../../base/faults.ts';
import { instantOf, localTime } from './local-time.ts';

export interface CronLine {
  readonly cron: string;
  /** IANA name. */
  readonly timezone: string;
}

/** The fields in their order, and the values of each. */
const FIELDS = [
  ['second', '0 to 59'],
  ['minute', '0 to 59'],
  ['hour', '0 to 23'],
  ['day of month', '1 to 31'],
  ['month', '1 to 12 or jan to dec'],
  ['day of week', '0 to 7 or sun to sat'],
] as const;
const FORMS = 'alone, as a list (1,5), a range (1-5), a step (*/5), or * for all';
const EXAMPLE = 'for example 30 2 * * 1-5 is 2:30 on working days';
const NAMED = ['@hourly', '@daily', '@weekly', '@monthly', '@yearly'];
/** Most lines are asked again and again. */
const KEPT_MOST = 1_000;
const kept = new Map<string, Pattern>();

interface Pattern {
  readonly cron: Cron;
  /** Its hours and minutes are those of the clock on the wall: no wildcard is among them. */
  readonly isLocal: boolean;
}

/** INVALID_PARAMS that names the field where the line or the zone cannot be used. */
export function checkCron(line: CronLine): void {
  if (!isTimezone(line.timezone)) {
    throw invalidParams({
      path: 'timezone',
      message: `${JSON.stringify(line.timezone)} is no time zone; take Europe/Berlin or UTC`,
    });
  }
  try {
    patternOf(line);
  } catch (thrown) {
    throw wrongLine(line.cron, thrown);
  }
  if (nextInstant(line, 0) === undefined) {
    throw invalidParams({ path: 'cron', message: 'never comes: there is no such day' });
  }
}

/** By its IANA name: an offset has no rules of its own. */
function isTimezone(name: string): boolean {
  if (/^[+-]/.test(name)) return false;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

function wrongLine(cron: string, thrown: unknown): Fault {
  const mistake = (message: string): Fault => invalidParams({ path: 'cron', message: `${message}; ${EXAMPLE}` });
  const parts = cron.trim().split(/\s+/);
  if (cron.trim().startsWith('@')) return mistake(`${parts[0]} is none of ${NAMED.join(', ')}`);
  if (parts.length !== 5 && parts.length !== 6) {
    const has = `has ${parts.length} ${parts.length === 1 ? 'field' : 'fields'}`;
    return mistake(`${has}; it takes 5 (${namesOf(FIELDS.slice(1))}), or 6 with the second in front`);
  }
  const fields = parts.length === 6 ? FIELDS : FIELDS.slice(1);
  const wrong = parts.findIndex((part, n) => !isField(fields.map((_field, at) => (at === n ? part : '*')).join(' ')));
  const [name, values] = fields[wrong] ?? [];
  if (name !== undefined) return mistake(`${name} ${parts[wrong]}: takes ${values}, ${FORMS}`);
  return mistake(thrown instanceof Error ? thrown.message.replace(/^CronPattern: /, '') : String(thrown));
}

const namesOf = (fields: readonly (readonly [string, string])[]): string => fields.map(([name]) => name).join(', ');

function isField(line: string): boolean {
  try {
    return isPlain(line) && new Cron(line, { paused: true }) !== undefined;
  } catch {
    return false;
  }
}

/** Lists, ranges, steps and names alone: what else the library reads (`L`, `W`, `#`, `?`) is promised to nobody. */
const isPlain = (line: string): boolean => (line.startsWith('@') ? NAMED.includes(line) : PLAIN.test(line));
const PLAIN = /^(?:[\d*,/\s-]|mon|tue|wed|thu|fri|sat|sun|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)+$/i;

function patternOf({ cron, timezone }: CronLine): Pattern {
  const key = `${timezone} ${cron}`;
  const known = kept.get(key);
  if (known) return known;
  const line = cron.trim();
  if (line.split(/\s+/).length > 6 || !isPlain(line)) throw new Error('not in the forms that are taken');
  const isLocal = isLocalLine(line);
  // A pattern of local times knows no clock that changes: instants are made of what it gives.
  const made = { cron: new Cron(line, { timezone: isLocal ? 'UTC' : timezone, paused: true }), isLocal };
  if (kept.size >= KEPT_MOST) kept.clear();
  kept.set(key, made);
  return made;
}

/** Short forms are of one hour and minute, for which the pattern itself knows what to do, or of every hour. */
const isLocalLine = (line: string): boolean =>
  !line.startsWith('@') &&
  !line
    .split(/\s+/)
    .slice(-5, -3)
    .some((field) => /[*?]/.test(field));

/**
 * The first planned instant after a time, in milliseconds; undefined where there is none. Times of a line that fall into
 * one gap all stand for the instant after it, and an instant fires once.
 */
export function nextInstant(line: CronLine, after: number): number | undefined {
  const { cron, isLocal } = patternOf(line);
  // Cron knows seconds: one that has begun is over.
  const nextOf = (at: number): number | undefined => cron.nextRun(new Date(at))?.getTime();
  if (!isLocal) return nextOf(after);
  const { timezone } = line;
  for (let local = nextOf(localTime(timezone, after)); local !== undefined; local = nextOf(local)) {
    const instant = instantOf(timezone, local);
    // What comes the second time has fired.
    if (instant > after) return instant;
  }
  return undefined;
}

const SECOND_MS = 1_000;
const DAY_MS = 86_400_000;
/** Looked through one after the other, so that the latest instant is found in few steps however often it fires. */
const WINDOWS_MS = [
  60 * SECOND_MS,
  3_600 * SECOND_MS,
  DAY_MS,
  32 * DAY_MS,
  366 * DAY_MS,
  1_500 * DAY_MS,
  10_000 * DAY_MS,
];

/** The latest planned instant from `from` up to `until`, both included. */
function latestInstant(line: CronLine, from: number, until: number): number | undefined {
  for (const window of WINDOWS_MS) {
    const start = Math.max(from, until - window);
    let latest: number | undefined;
    for (let at = nextInstant(line, start - 1); at !== undefined && at <= until; at = nextInstant(line, at))
      latest = at;
    if (latest !== undefined || start === from) return latest;
  }
  return undefined;
}

export type CatchUp = 'last' | 'none' | 'all';

export interface Due {
  /** Planned instants that get a task, oldest first. */
  readonly instants: readonly number[];
  readonly next: number | undefined;
}

/** What is later than this was missed, not late. */
export const LATE_MS = 5_000;
const CATCH_UP_MOST = 1_000;

interface DueAt {
  readonly now: number;
  /** When it was found to be due, now unless given: what waits since then for its turn was not missed. */
  readonly seen_at?: number | undefined;
  readonly catch_up: CatchUp;
}

/** What is to fire now of a line that was to fire at `planned`, and when it fires next. */
export function dueInstants(line: CronLine, planned: number, { now, seen_at = now, catch_up }: DueAt): Due {
  const seen = Math.min(now, seen_at);
  const next = nextInstant(line, now);
  if (planned > seen - LATE_MS) return { instants: instantsOf(line, { from: planned, until: now }), next };
  // All of them after each other would be more than what was missed: the latest stands for those that are only late, too.
  const missedUntil = catch_up === 'last' ? seen : seen - LATE_MS;
  const missed = missedInstants(line, { planned, missedUntil, catch_up });
  const from = nextInstant(line, missedUntil);
  const most = catch_up === 'all' ? CATCH_UP_MOST - missed.length : Number.POSITIVE_INFINITY;
  return { instants: [...missed, ...instantsOf(line, { from, until: now }).slice(0, most)], next };
}

function instantsOf(line: CronLine, { from, until }: { from: number | undefined; until: number }): number[] {
  const instants: number[] = [];
  for (let at = from; at !== undefined && at <= until; at = nextInstant(line, at)) instants.push(at);
  return instants;
}

function missedInstants(
  line: CronLine,
  { planned, missedUntil, catch_up }: { planned: number; missedUntil: number; catch_up: CatchUp },
): number[] {
  if (catch_up === 'none') return [];
  if (catch_up === 'last') {
    const latest = latestInstant(line, planned, missedUntil);
    return latest === undefined ? [] : [latest];
  }
  const all: number[] = [];
  let at: number | undefined = planned;
  while (at !== undefined && at <= missedUntil && all.length < CATCH_UP_MOST) {
    all.push(at);
    at = nextInstant(line, at);
  }
  return all;
}
