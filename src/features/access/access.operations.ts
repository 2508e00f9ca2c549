/** All operations on callers, keys, tuples and shares. */
import { cacheStats } from './cache-stats.operations.ts';
import { tupleCheck, tupleCheckBatch, tupleList, tupleObjects } from './checks.operations.ts';
import { tupleExpand } from './expand.operations.ts';
import { flagOperations } from './flags/flags.operations.ts';
import { accessHousekeeping } from './housekeeping.operations.ts';
import { keyOperations } from './keys.operations.ts';
import { tupleExplain } from './proof/explain.operations.ts';
import { schemaGet, schemaSet } from './schema/schema.operations.ts';
import { incomingShares, outgoingShares, revokeShare, shareWithGroup, shareWithUser } from './shares.operations.ts';
import { createToken, refreshToken } from './tokens.operations.ts';
import { tupleCreate, tupleDelete, tupleWrite } from './tuples.operations.ts';
import { whoami, whoamiKey } from './whoami.operations.ts';

export const accessOperations = [
  whoami,
  whoamiKey,
  createToken,
  refreshToken,
  ...flagOperations,
  ...keyOperations,
  tupleCreate,
  tupleDelete,
  tupleWrite,
  tupleCheck,
  tupleCheckBatch,
  tupleList,
  tupleObjects,
  tupleExpand,
  tupleExplain,
  schemaGet,
  schemaSet,
  cacheStats,
  shareWithUser,
  shareWithGroup,
  revokeShare,
  outgoingShares,
  incomingShares,
  ...accessHousekeeping,
];
