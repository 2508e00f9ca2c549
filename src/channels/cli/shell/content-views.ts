/** Stored contents that are read again, as people see it: how far that is, and a table of those that are damaged. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { CheckStatus } from '../../../features/content/check-status.operations.ts';
import { altered, derivedCommand, lineOf, send } from '../derived.ts';
import { show } from '../show.ts';
import { bytesText, paint, type Terminal, table, timeText } from '../terminal.ts';
import { startPhases, telling } from './bar.ts';
import { dim, number, shownBy, titles, words } from './views.ts';

const COLUMNS = [...titles('content', 'file'), words('damage'), number('size'), dim('found')];

const codeOf = ({ damaged_count }: CheckStatus): number => (damaged_count > 0 ? 1 : 0);

/** One line for each version of a file that has it, and one where only something else does. */
const rowsOf = ({ damaged }: CheckStatus): string[][] =>
  damaged.flatMap(({ sha256, reason, size, found_at, files }) => {
    const named = files.map(
      ({ zone_id, branch, path, version }) =>
        `/zone/${zone_id}${path} version ${version}${branch === 'main' ? '' : ` of branch ${branch}`}`,
    );
    return (named.length > 0 ? named : ['no file']).map((file) => [
      sha256.slice(0, 12),
      file,
      reason,
      bytesText(size),
      timeText(found_at),
    ]);
  });

function tellStatus(terminal: Terminal, status: CheckStatus): void {
  const { running, share, contents, bytes, ends_by, last_ended_at } = status;
  const read = `${contents} contents (${bytesText(bytes)}) read again in this round`;
  const percent = Math.floor(share * 100);
  if (running) terminal.out(`${read}, ${percent} % of all; the rest by ${timeText(ends_by ?? '')}\n`);
  else if (last_ended_at !== null) terminal.out(`${contents} contents (${bytesText(bytes)}) were read again\n`);
  terminal.out(
    last_ended_at === null ? 'not all have been read yet\n' : `all were read by ${timeText(last_ended_at)}\n`,
  );
  const rows = rowsOf(status);
  if (rows.length === 0) {
    terminal.out(`${paint(terminal, 'green', 'none is damaged')}\n`);
    return;
  }
  table(terminal, COLUMNS, rows);
  const others = status.damaged_count - status.damaged.length;
  if (others > 0) terminal.err(`${others} more are damaged, found after these\n`);
  terminal.err('store the same contents again, or restore a backup: nexus backup list\n');
}

const status = shownBy('content status', tellStatus, codeOf);

const LOOK_MS = 300;

const begin = derivedCommand('content check', show);
/** Begins it and shows how far it is until all have been read; a program is answered at once. */
const check = altered(begin, {
  run: async (scene, typed) => {
    const { terminal, transport } = scene;
    if (terminal.json) return begin.run(scene, typed);
    const to = transport();
    const { began_at } = (await send(to, lineOf('content check'), {})) as Begun;
    const bar = await startPhases(terminal);
    const last = await telling(terminal, 'it goes on in the server: nexus content status', async () => {
      for (;;) {
        const now = (await send(to, lineOf('content status'), {})) as CheckStatus;
        if (!now.running || now.began_at !== began_at) return now;
        bar.tell('percent read', Math.floor(now.share * 100), 100);
        await sleep(LOOK_MS);
      }
    }).finally(() => bar.stop());
    tellStatus(terminal, last);
    return codeOf(last);
  },
});

interface Begun {
  readonly began_at: string;
}

export const contentViews = [status, check];
