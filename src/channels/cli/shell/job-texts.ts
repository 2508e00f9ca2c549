/** How people read jobs and nodes: times as seen from now, and how many attempts there were. */
import { timeText } from '../terminal.ts';

const DAY_S = 86_400;

/** `12s ago`, `in 1m 40s`; what is more than a day away is a date. */
export function fromNow(iso: string | null | undefined, now: number): string {
  if (!iso) return '';
  const seconds = Math.round((Date.parse(iso) - now) / 1000);
  const size = Math.abs(seconds);
  if (size >= DAY_S) return timeText(iso);
  if (size === 0) return 'now';
  return seconds < 0 ? `${durationText(size)} ago` : `in ${durationText(size)}`;
}

/** `40s`, `1m 40s`, `2h 5m`. */
export function durationText(seconds: number): string {
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60)];
  if (hours > 0) return minutes > 0 ? `${hours}h ${minutes}m` : `${hours}h`;
  const rest = Math.floor(seconds % 60);
  if (minutes > 0) return rest > 0 ? `${minutes}m ${rest}s` : `${minutes}m`;
  return `${rest}s`;
}

/** How long an attempt took. */
export const took = (ms: number | null): string =>
  ms === null ? '' : ms < 1000 ? `${ms}ms` : ms < 60_000 ? `${(ms / 1000).toFixed(1)}s` : durationText(ms / 1000);

/** What is tried without end is `2`, else `2/5`. */
export const ofMost = (count: number, most: number): string => (most < 1_000 ? `${count}/${most}` : `${count}`);
