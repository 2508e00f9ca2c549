/** Pushes, pulls and conflicts as people read them: a bar while changes go, what came of them, tables of conflicts. */
import type { Transport } from '../../../../client/transport.ts';
import { plural } from '../../../base/plural.ts';
import type { ConflictObject } from '../../../features/sync/conflict-object.ts';
import type { SyncOutput } from '../../../features/sync/sync-shapes.ts';
import type { Command } from '../command.ts';
import { altered, derivedCommand, lineOf, paramsOf, send } from '../derived.ts';
import { show } from '../show.ts';
import { bytesText, paint, type Terminal, table, timeText } from '../terminal.ts';
import { startBar } from './bar.ts';

const CONFLICTS = ['CONFLICT', 'STATUS', 'PATH', 'OURS', 'THEIRS', 'SEEN'].map((title) => ({ title }));

const sideText = ({ deleted, size, modified_at }: ConflictObject['local']): string =>
  deleted ? 'removed' : [bytesText(size ?? 0), modified_at === null ? '' : timeText(modified_at)].join(' ').trim();

function conflicts(terminal: Terminal, rows: readonly ConflictObject[]): void {
  table(
    terminal,
    CONFLICTS,
    rows.map((one) => [
      one.conflict_id,
      one.resolution ?? one.status,
      one.path,
      sideText(one.local),
      sideText(one.remote),
      timeText(one.detected_at),
    ]),
  );
}

/** How often the bar moves, in milliseconds. */
const LOOK_MS = 300;

/** While the call waits, how much of what was to be pushed has gone. */
async function withBar<T>(terminal: Terminal, pending: () => Promise<number>, work: () => Promise<T>): Promise<T> {
  const total = terminal.json || !process.stderr.isTTY ? 0 : await pending();
  if (total < 2) return work();
  const bar = await startBar(terminal, { format: '{bar} {value}/{total} changes', clearOnComplete: true, total });
  const timer = setInterval(() => {
    pending().then(
      (left) => bar?.update(Math.max(0, total - left)),
      () => undefined,
    );
  }, LOOK_MS);
  try {
    return await work();
  } finally {
    clearInterval(timer);
    bar?.stop();
  }
}

const pendingOf = async (transport: Transport, mount_point: unknown): Promise<number> => {
  const answer = await send(transport, lineOf('sync status'), { mount_point });
  return (answer as { readonly metrics: { readonly pending: number } }).metrics.pending;
};

function tell(terminal: Terminal, answer: SyncOutput): number {
  if ('task_id' in answer) {
    terminal.out(`${answer.status}: nexus scheduler get ${answer.task_id}\n`);
    return 0;
  }
  const [changes, bytes, verb] =
    answer.action === 'push'
      ? [answer.changes_pushed, answer.bytes_pushed, 'pushed']
      : [answer.changes_pulled, answer.bytes_pulled, 'pulled'];
  const would = answer.dry_run ? 'would be ' : '';
  terminal.out(`${plural(changes, 'change')} ${would}${verb}, ${bytesText(bytes)}, in ${answer.duration_ms} ms\n`);
  for (const { path, message } of answer.errors) terminal.err(`${paint(terminal, 'red', path)}: ${message}\n`);
  if (answer.conflicts_resolved > 0) terminal.out(`${plural(answer.conflicts_resolved, 'conflict')} settled\n`);
  if (answer.conflicts.length > 0) {
    conflicts(terminal, answer.conflicts);
    terminal.err('settle one: nexus conflict resolve CONFLICT keep_local|keep_remote|keep_both\n');
  }
  return answer.changes_failed > 0 ? 1 : 0;
}

function syncCommand(verb: 'push' | 'pull'): Command {
  const line = lineOf(`sync ${verb}`);
  return altered(derivedCommand(line.words, show), {
    run: async ({ terminal, ...scene }, typed) => {
      const transport = scene.transport();
      const params = paramsOf(line, typed);
      const work = (): Promise<SyncOutput> => send(transport, line, params) as Promise<SyncOutput>;
      const bar = verb === 'push' && params.dry_run !== true;
      const answer = bar ? await withBar(terminal, () => pendingOf(transport, params.mount_point), work) : await work();
      if (!terminal.json) return tell(terminal, answer);
      show(terminal, answer);
      return 'task_id' in answer || answer.changes_failed === 0 ? 0 : 1;
    },
  });
}

interface Status {
  readonly mount_point: string;
  readonly pending: readonly { readonly path: string; readonly change: string; readonly since: string }[];
  readonly open_conflicts: number;
  readonly metrics: {
    readonly pending: number;
    readonly last_push_at: string | null;
    readonly last_error: string | null;
  };
}

const status = derivedCommand('sync status', (terminal, answer) => {
  if (terminal.json) {
    show(terminal, answer);
    return;
  }
  const { mount_point, pending, open_conflicts, metrics } = answer as Status;
  const pushed = metrics.last_push_at === null ? 'never' : timeText(metrics.last_push_at);
  terminal.out(
    `${mount_point}: ${plural(metrics.pending, 'change')} to push, ${plural(open_conflicts, 'conflict')}, last push ${pushed}\n`,
  );
  if (metrics.last_error !== null) terminal.out(`${paint(terminal, 'red', metrics.last_error)}\n`);
  if (pending.length === 0) return;
  const columns = ['CHANGE', 'SINCE', 'PATH'].map((title) => ({ title }));
  table(
    terminal,
    columns,
    pending.map(({ path, change, since }) => [change, timeText(since), path]),
  );
});

interface Page {
  readonly conflicts: readonly ConflictObject[];
  readonly next_cursor: string | null;
}

const list = derivedCommand('conflict list', (terminal, answer) => {
  if (terminal.json) {
    show(terminal, answer);
    return;
  }
  const { conflicts: rows, next_cursor } = answer as Page;
  if (rows.length === 0) terminal.err('nothing\n');
  else conflicts(terminal, rows);
  if (next_cursor !== null) terminal.err(`… more: --cursor ${next_cursor}\n`);
});

const resolve = derivedCommand('conflict resolve', (terminal, answer) => {
  if (terminal.json) show(terminal, answer);
  else conflicts(terminal, [answer as ConflictObject]);
});

export const syncViews: readonly Command[] = [syncCommand('push'), syncCommand('pull'), status, list, resolve];
