/** The engine for many nodes: the port's suite, and what is its own. */
import { freshDatabase } from '../../../test/servers/shared-postgres.ts';
import { sqlContract } from '../../ports/sql.contract.ts';
import { openPostgres } from './postgres.ts';

const failed = (reason: unknown): never => {
  throw reason;
};

sqlContract('postgres', async () => {
  const { url, drop } = await freshDatabase();
  return {
    types: { text: 'TEXT COLLATE "C"', bytes: 'BYTEA' },
    open: () => openPostgres({ url, poolSize: 5, maxOverflow: 10, onBroken: failed }),
    remove: drop,
  };
});
