/** The list of all operations: what every door, the API document and the threads are made from. */
import { type BrickName, brickRows, houseworkOf } from '../base/bricks.ts';
import { accessOperations } from '../features/access/access.operations.ts';
import { agentOperations } from '../features/agents/agents.operations.ts';
import { agentsServed } from '../features/agents/executors.ts';
import { answerSteps } from '../features/answers/answers.operations.ts';
import { auditOperations } from '../features/audit/audit.operations.ts';
import { auditSteps } from '../features/audit/notes.operations.ts';
import { backupOperations } from '../features/backups/backups.operations.ts';
import { backupsHold } from '../features/backups/steps.operations.ts';
import { brickOperations } from '../features/bricks/bricks.operations.ts';
import { clusterOperations } from '../features/cluster/cluster.operations.ts';
import { contentCheckSteps } from '../features/content/check.operations.ts';
import { contentCheckOperations } from '../features/content/check-status.operations.ts';
import { blobCollection } from '../features/content/collect.operations.ts';
import type { Reference } from '../features/content/collect.sql.ts';
import { contentOperations } from '../features/content/content.operations.ts';
import { analysisOperations } from '../features/corpus/analysis/analysis.operations.ts';
import { analyzeJob } from '../features/corpus/analysis/analyze-job.ts';
import { branchOperations } from '../features/corpus/branches/branches.operations.ts';
import { branchReplay } from '../features/corpus/branches/replay-jobs.ts';
import { corpusContents, removeCorpusOf } from '../features/corpus/corpus.finalizers.ts';
import { forgetJobs } from '../features/corpus/corpus.housekeeping.ts';
import { atomOperations } from '../features/corpus/documents/atoms.operations.ts';
import { documentOperations } from '../features/corpus/documents/documents.operations.ts';
import { jobBases, keepJobDocuments } from '../features/corpus/documents/job-bases.ts';
import { governanceOperations } from '../features/corpus/governance/governance.operations.ts';
import { integrityAudit } from '../features/corpus/graph/audit-job.ts';
import { graphOperations } from '../features/corpus/graph/graph.operations.ts';
import { integrityOperations } from '../features/corpus/graph/integrity.operations.ts';
import { ingestOperations } from '../features/corpus/ingest/ingest.operations.ts';
import { ingestBatch } from '../features/corpus/ingest/ingest-job.ts';
import { remixOperations } from '../features/corpus/remix/remix.operations.ts';
import { seedOperations } from '../features/corpus/seeds/seeds.operations.ts';
import { eventTrim } from '../features/events/trim.operations.ts';
import { feedOperations } from '../features/feed/feed.operations.ts';
import { fileContents, fileHousekeeping, filesWith } from '../features/files/files.finalizers.ts';
import { fileOperations } from '../features/files/files.operations.ts';
import { resetIndex } from '../features/files/search/reindex.ts';
import { type AnyJobType, echo } from '../features/jobs/job-types.ts';
import { jobOperations } from '../features/jobs/jobs.operations.ts';
import { mcpOperations } from '../features/mcp/mcp.operations.ts';
import { mountOperations } from '../features/mounts/mounts.operations.ts';
import { conflictContents } from '../features/sync/sync.finalizers.ts';
import { syncOperations } from '../features/sync/sync.operations.ts';
import { syncPull, syncPush } from '../features/sync/sync-jobs.ts';
import { ALGORITHMS, parseChecksum } from '../features/uploads/checksum.ts';
import { uploadOperations } from '../features/uploads/uploads.operations.ts';
import { sweepOperations } from '../features/zones/sweep.operations.ts';
import { zoneOperations } from '../features/zones/zones.operations.ts';
import { BRICKS_TOPIC } from './call/brick-state.ts';
import type { AnyOperation } from './operation.ts';
import { authoriseNeeds } from './preflight.ts';
import { rpcList } from './rpc-list.ts';

/** Every column that names blobs. */
export const blobReferences: readonly Reference[] = [fileContents, ...conflictContents, ...corpusContents];

/** Collection of blobs. */
export const blobSteps = blobCollection(blobReferences, backupsHold);

/** Reading of contents again. */
export const checkSteps = contentCheckSteps(blobReferences);

/** What runs inside Nexus as a job. */
export const jobTypes: readonly AnyJobType[] = [
  echo,
  syncPush,
  syncPull,
  ingestBatch,
  integrityAudit,
  analyzeJob,
  branchReplay,
].map((type) => type as AnyJobType);

/** Types of jobs that are for a brick, the server's own included. */
export const jobTypesOf = (brick: BrickName): readonly string[] => [
  ...houseworkOf(brick),
  ...jobTypes.filter((type) => type.brick === brick).map(({ type }) => type),
];

/** Bricks that this server has: the essential ones, and those that operations are part of. */
export const presentBricks = (): ReadonlySet<BrickName> => {
  const declared = new Set(allOperations.map(({ brick }) => brick));
  return new Set(brickRows.filter(([name, { essential }]) => essential || declared.has(name)).map(([name]) => name));
};

const bricks = brickOperations({ present: presentBricks, resets: { search: resetIndex }, topic: BRICKS_TOPIC });

/** Checksums that a body of an upload may come with. */
export const uploadChecksums = { names: ALGORITHMS, parse: parseChecksum };

/** Tells of every operation, itself among them. */
export const methodList = rpcList(() => publicOperations);

/** Every operation, those without a door included. */
export const allOperations: readonly AnyOperation[] = [
  authoriseNeeds,
  methodList,
  ...zoneOperations,
  ...accessOperations,
  ...answerSteps,
  ...auditSteps,
  ...auditOperations,
  ...jobOperations({ types: jobTypes, served: agentsServed, bases: jobBases }),
  ...clusterOperations,
  ...bricks,
  ...contentOperations,
  ...fileOperations,
  ...agentOperations,
  ...feedOperations,
  ...uploadOperations,
  ...mountOperations,
  ...mcpOperations,
  ...syncOperations,
  ...analysisOperations,
  ...branchOperations,
  ...governanceOperations,
  ...remixOperations,
  ...seedOperations,
  ...documentOperations,
  ...atomOperations,
  ...graphOperations,
  ...integrityOperations,
  ...ingestOperations,
  removeCorpusOf,
  forgetJobs,
  keepJobDocuments,
  ...backupOperations,
  eventTrim,
  ...sweepOperations,
  ...fileHousekeeping,
  ...Object.values(blobSteps),
  ...Object.values(checkSteps),
  ...contentCheckOperations(blobReferences, filesWith),
].map((operation) => operation as AnyOperation);

/** What doors may offer. */
export const publicOperations: readonly AnyOperation[] = allOperations.filter(
  ({ internal, ownDoor }) => !internal && !ownDoor,
);

/** What has a door of its own. */
export const protocolOperations: readonly AnyOperation[] = allOperations.filter(({ ownDoor }) => ownDoor);

/** The operation of a name that is known to be there. */
export function getOperation(name: string): AnyOperation {
  const operation = allOperations.find((one) => one.name === name);
  if (!operation) throw new Error(`no operation ${name}`);
  return operation;
}
