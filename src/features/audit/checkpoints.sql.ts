/** Up to where the logs of a zone were pruned, signed (chain.ts). */
import type { Tx } from '../../ports/sql.ts';
import { type Checkpoint, type LogName, signatureOf } from './chain.ts';

export interface SignedCheckpoint extends Checkpoint {
  readonly signature: string;
}

export const findCheckpoint = (tx: Tx, zone_id: string, log: LogName): Promise<SignedCheckpoint | undefined> =>
  tx.get<SignedCheckpoint>(
    'SELECT zone_id, log, n, at, hash, signature FROM audit_checkpoints WHERE zone_id = ? AND log = ?',
    [zone_id, log],
  );

export async function saveCheckpoint(tx: Tx, checkpoint: Checkpoint, key: string): Promise<void> {
  const { zone_id, log, n, at, hash } = checkpoint;
  await tx.run(
    `INSERT INTO audit_checkpoints (zone_id, log, n, at, hash, signature) VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT (zone_id, log) DO UPDATE SET n = excluded.n, at = excluded.at, hash = excluded.hash,
       signature = excluded.signature`,
    [zone_id, log, n, at, hash, signatureOf(key, checkpoint)],
  );
}
