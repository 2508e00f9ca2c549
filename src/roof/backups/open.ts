/** Backups and restores of a running server: what calls may ask for, and what it does where another server restores. */
import type { BackupDesk } from '../../core/call/backups.ts';
import type { Runner } from '../../core/transact.ts';
import type { Fence } from '../../ports/fence.ts';
import type { WorkParts } from '../worker/work.ts';
import { backupDesk } from './desk.ts';
import { watchRestores } from './epochs.ts';
import type { Gate } from './gate.ts';
import { restorer } from './restore.ts';
import { zoneDesk } from './zones.ts';

export interface BackupParts extends WorkParts {
  /** Not behind the gate. */
  readonly inner: Runner;
  readonly gate: Gate;
  readonly fence: Fence;
  /** What keeps the server from being ready. */
  readonly pending: Set<string>;
  readonly stopWork: () => Promise<void>;
  /** Closes all and begins anew. */
  readonly anew: () => void;
}

export interface OpenBackups {
  readonly backups: BackupDesk;
  stop(): Promise<void>;
}

export function openBackups({ inner, pending, ...parts }: BackupParts): OpenBackups {
  const { config, gate, anew, log } = parts;
  const begins = (): void => {
    pending.add('restoring');
  };
  const begun = (): void => {
    log('info', 'restore.begun', {});
    begins();
    // Nothing more begins here; what still runs has the time of a stop.
    void gate.shut('callers');
    anew();
  };
  const restores = watchRestores({ ...parts, begun });
  const restore = restorer({ ...parts, runner: inner, begins });
  return { backups: backupDesk(config, { restore, ...zoneDesk(parts) }), stop: () => restores.stop() };
}
