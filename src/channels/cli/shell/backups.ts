/** Backups as people see them: how far one is, a table of them, what came of looking at one. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../../../config.ts';
import type { BackupObject } from '../../../features/backups/backup-object.ts';
import { type Scene, type Typed, UsageError } from '../command.ts';
import { lineOf, paramsOf, send } from '../derived.ts';
import { EXIT_CONFIG, load } from '../server/load.ts';
import { show } from '../show.ts';
import { bytesText, type Style, type Terminal, table, timeText } from '../terminal.ts';
import { startPhases, telling } from './bar.ts';

export async function runBackup(verb: string, scene: Scene, typed: Typed): Promise<number | undefined> {
  const { from, ...options } = typed.options as { from?: string };
  if (from !== undefined) return withoutServer(verb, scene, { ...typed, options: { ...options, from } });
  if (verb === 'now' && !scene.terminal.json) return now(scene, typed);
  const answer = await send(
    scene.transport(),
    lineOf(`backup ${verb}`),
    paramsOf(lineOf(`backup ${verb}`), { ...typed, options }),
  );
  if (verb === 'list' && !scene.terminal.json) showList(scene.terminal, answer as Listing);
  else if (!scene.terminal.json) summarise(scene.terminal, verb, answer as BackupObject);
  else show(scene.terminal, answer);
  return undefined;
}

interface Listing {
  readonly backups: readonly BackupObject[];
  readonly destination?: string;
}

const STYLES: Readonly<Record<string, Style>> = {
  succeeded: 'green',
  running: 'yellow',
  failed: 'red',
  damaged: 'red',
};

function showList(terminal: Terminal, { backups, destination }: Listing): void {
  if (terminal.json) {
    show(terminal, { backups, destination });
    return;
  }
  table(
    terminal,
    [
      { title: 'ID' },
      { title: 'AT' },
      { title: 'STATUS', style: (cell) => STYLES[cell] },
      { title: 'REASON' },
      { title: 'ROWS', right: true },
      { title: 'CONTENTS', right: true },
      { title: 'SIZE', right: true },
      { title: 'SENT', right: true },
    ],
    backups.map(({ id, at, status, reason = '', rows, blobs, bytes, sent_bytes }) => [
      id,
      timeText(at),
      status,
      reason,
      String(rows ?? ''),
      String(blobs ?? ''),
      bytes === undefined ? '' : bytesText(bytes),
      sent_bytes === undefined ? '' : bytesText(sent_bytes),
    ]),
  );
  if (destination !== undefined) terminal.err(`at ${destination}\n`);
}

function summarise(terminal: Terminal, verb: string, answer: BackupObject & { safety_backup?: string }): void {
  const { id, bytes = 0, rows, blobs, sent_bytes, safety_backup } = answer;
  if (verb === 'verify') terminal.out(`${id} is whole: ${bytesText(bytes)}\n`);
  else
    terminal.out(
      `${id}: ${rows ?? 0} rows, ${blobs ?? 0} contents, ${bytesText(bytes)}${sent_bytes === undefined ? '' : `, ${bytesText(sent_bytes)} of it new`}\n`,
    );
  if (safety_backup !== undefined)
    terminal.err(`what was there before: nexus backup restore ${safety_backup} --confirm\n`);
}

const LOOK_MS = 300;

/** Begins one and shows how far it is until it is over. */
async function now(scene: Scene, typed: Typed): Promise<number | undefined> {
  const { terminal } = scene;
  const begun = (await send(scene.transport(), lineOf('backup now'), { wait: false })) as BackupObject;
  if (typed.options.wait === false) {
    show(terminal, begun);
    return undefined;
  }
  const goesOn = `the backup goes on in the server: nexus backup get ${begun.id}`;
  const backup = await telling(terminal, goesOn, () => untilMade(scene, begun.id));
  if (backup.status !== 'succeeded') {
    terminal.err(`nexus: the backup failed: ${backup.error}\n`);
    return 8;
  }
  summarise(terminal, 'now', backup);
  return undefined;
}

async function untilMade({ terminal, transport }: Scene, ref: string): Promise<BackupObject> {
  const to = transport();
  const bar = await startPhases(terminal);
  try {
    for (;;) {
      const backup = (await send(to, lineOf('backup get'), { ref })) as BackupObject;
      if (backup.status !== 'queued' && backup.status !== 'running') return backup;
      bar.tell(backup.phase ?? '', backup.done ?? 0, backup.total ?? 0);
      await sleep(LOOK_MS);
    }
  } finally {
    bar.stop();
  }
}

async function withoutServer(verb: string, { terminal }: Scene, typed: Typed): Promise<number | undefined> {
  const { from } = typed.options as { from: string };
  const loaded = load(terminal, typed);
  if (!loaded) return EXIT_CONFIG;
  const { config } = loaded;
  const { listAt, restoreAt, verifyAt } = await import('../../../roof/backups/offline.ts');
  const [ref = 'latest'] = typed.args;
  if (verb === 'list') {
    const { manifests, damaged } = await listAt(config, from);
    const { backupOf, damagedObject } = await import('../../../roof/backups/offline.ts');
    showList(terminal, { backups: [...manifests.map(backupOf), ...damaged.map(damagedObject)], destination: from });
    return undefined;
  }
  if (verb === 'now') throw new UsageError('a backup is made by a server: leave out --from');
  if (verb === 'restore') await tellPlaces(terminal, config);
  const bar = await startPhases(terminal);
  const told = { told: bar.tell, signal: new AbortController().signal };
  try {
    const work = verb === 'verify' ? verifyAt : restoreAt;
    const answer = await work(config, { from, ref }, told);
    bar.stop();
    if (!terminal.json) summarise(terminal, verb, answer as unknown as BackupObject);
    else show(terminal, verb === 'verify' ? answer : { ...answer, parts: undefined });
    return undefined;
  } finally {
    bar.stop();
  }
}

/** Into which database and store: one of the two may have been forgotten. */
async function tellPlaces(terminal: Terminal, config: Config): Promise<void> {
  const { toldPlaces } = await import('../../../config/places.ts');
  const { database, blobs, apart } = toldPlaces(config);
  terminal.err(`restoring into ${database}, contents into ${blobs}\n`);
  if (apart) terminal.err('warning: only this machine has that directory; nodes on several need NEXUS_BLOBS_URL\n');
}
