/**
 * A batch that runs, looked at until it has ended. Guarantees: it goes on when the command is interrupted or the server does
 * not answer, and then the command says how to look at it and how to stop it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Transport } from '../../../../../client/transport.ts';
import { plural } from '../../../../base/plural.ts';
import type { IngestStatus } from '../../../../features/corpus/ingest/ingest.operations.ts';
import type { Scene } from '../../command.ts';
import { startBar, telling } from '../bar.ts';
import { statusOf } from './batch-status.ts';

/** Milliseconds between two looks: at first, and at most. */
const LOOK_FIRST_MS = 50;
const LOOK_MS = 400;
/** A look names every file: of a large batch it takes a while, and is waited for as often longer. */
const LOOK_SHARE = 5;

async function untilDone(
  transport: Transport,
  id: string,
  told: (status: IngestStatus) => void,
): Promise<IngestStatus> {
  for (let pause = LOOK_FIRST_MS; ; pause = Math.min(2 * pause, LOOK_MS)) {
    const began = performance.now();
    const status = await statusOf(transport, id);
    told(status);
    if (status.status !== 'queued' && status.status !== 'running') return status;
    await sleep(Math.max(pause, LOOK_SHARE * (performance.now() - began)));
  }
}

const saidOf = ({ status, atoms_created }: IngestStatus): string => {
  if (status === 'queued') return ', waiting for a worker (nexus worker list)';
  return atoms_created > 0 ? `, ${plural(atoms_created, 'atom')}` : '';
};

/** With a bar where somebody looks; `files` where it is known how many there are. */
export async function follow({ terminal, transport }: Scene, id: string, files?: number): Promise<IngestStatus> {
  const goesOn = `the batch goes on: nexus corpus ingest-status ${id}; nexus job cancel ${id} stops it`;
  const format = files === undefined ? '{counted}{said}' : '{bar} {value}/{total} files{said}';
  const shown = { counted: '', said: '' };
  try {
    return await telling(terminal, goesOn, async () => {
      const bar = await startBar(terminal, { format, clearOnComplete: true, total: files ?? 0, shown });
      const told = (status: IngestStatus): void => {
        const done = status.files.length;
        bar?.update(done, { counted: plural(done, 'file'), said: saidOf(status) });
      };
      return untilDone(transport(), id, told).finally(() => bar?.stop());
    });
  } catch (thrown) {
    terminal.err(`${goesOn}\n`);
    throw thrown;
  }
}
