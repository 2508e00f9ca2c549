/** Zones as people read them: what each is, and of what it holds the figures that grow. */
import type { ZoneObject } from '../../../features/zones/zone-object.ts';
import type { Command } from '../command.ts';
import { bytesText, timeText } from '../terminal.ts';
import { dim, number, shownBy, tell, titles, words } from './views.ts';

interface Page {
  readonly zones: readonly ZoneObject[];
  readonly next_cursor: string | null;
}

const COLUMNS = [
  ...titles('zone', 'name'),
  words('status'),
  ...['stored', 'files', 'agents', 'keys', 'jobs'].map(number),
  dim('created'),
];

const list = shownBy('zone list', (terminal, { zones, next_cursor }: Page) => {
  const rows = zones.map(({ zone_id, name, status, usage, created_at }) => [
    zone_id,
    name,
    status,
    bytesText(usage.storage_bytes ?? 0),
    ...['files', 'agents', 'keys', 'jobs_queued'].map((what) => String(usage[what] ?? 0)),
    timeText(created_at),
  ]);
  tell(terminal, { columns: COLUMNS, rows }, next_cursor);
});

export const zoneViews: readonly Command[] = [list];
