/**
 * The JSON-RPC methods by name, whose types the typed client takes. Guarantees, by its test: exactly the operations that
 * have such a method are here, each under its name, with the parameters that may be left out because they have a default.
 */
import { tupleCheck, tupleCheckBatch, tupleList, tupleObjects } from '../features/access/checks.operations.ts';
import { tupleExpand } from '../features/access/expand.operations.ts';
import { createKeyOperations } from '../features/access/key-create.operations.ts';
import { getForms, listForms, revokeForms, updateForms } from '../features/access/keys.operations.ts';
import { tupleExplain } from '../features/access/proof/explain.operations.ts';
import { schemaGet, schemaSet } from '../features/access/schema/schema.operations.ts';
import {
  incomingShares,
  outgoingShares,
  revokeShare,
  shareWithGroup,
  shareWithUser,
} from '../features/access/shares.operations.ts';
import { tupleCreate, tupleDelete, tupleWrite } from '../features/access/tuples.operations.ts';
import { whoami } from '../features/access/whoami.operations.ts';
import { beatAgent, transitionAgent } from '../features/agents/lifecycle.operations.ts';
import { agentsByZone, allAgents, findOneAgent } from '../features/agents/list.operations.ts';
import { registerAgent, removeAgent, updateAgent } from '../features/agents/register.operations.ts';
import { getSpec, putSpec } from '../features/agents/spec.operations.ts';
import { agentStatus } from '../features/agents/status.operations.ts';
import { warmupAgent } from '../features/agents/warmup.operations.ts';
import { auditList } from '../features/audit/list.operations.ts';
import { auditVerify } from '../features/audit/verify.operations.ts';
import { append } from '../features/files/append.operations.ts';
import { deleteBulk, renameBulk } from '../features/files/change-bulk.operations.ts';
import { copy } from '../features/files/copy.operations.ts';
import { diffVersions } from '../features/files/diff.operations.ts';
import { edit } from '../features/files/edit.operations.ts';
import { treeBranchCreate, treeBranchDelete, treeBranchList } from '../features/files/history/branches.operations.ts';
import { treeDiff } from '../features/files/history/diff.operations.ts';
import { treeMerge } from '../features/files/history/merge.operations.ts';
import { treeRestore } from '../features/files/history/restore.operations.ts';
import {
  treeSnapshotCreate,
  treeSnapshotDelete,
  treeSnapshotGet,
  treeSnapshotList,
} from '../features/files/history/snapshots.operations.ts';
import { list } from '../features/files/list.operations.ts';
import { exists, getMetadata, isDirectory, read } from '../features/files/read.operations.ts';
import { existsBatch, readBulk, statBulk } from '../features/files/read-bulk.operations.ts';
import { rename } from '../features/files/rename.operations.ts';
import { glob } from '../features/files/search/glob.operations.ts';
import { grep } from '../features/files/search/grep.operations.ts';
import { deleteFile, mkdir, rmdir } from '../features/files/tree.operations.ts';
import { getVersion, listVersions, rollback } from '../features/files/versions.operations.ts';
import { setMetadata, write } from '../features/files/write.operations.ts';
import { writeBatch } from '../features/files/write-batch.operations.ts';
import { listMcp, listMcpTools, mountMcp, syncMcp, unmountMcp } from '../features/mcp/mcp.operations.ts';
import { allConnectors, deleteConnector } from '../features/mounts/connectors.operations.ts';
import { addMount, allMounts, findMountAt, hasMount, removeMount } from '../features/mounts/mounts.operations.ts';
import { allSavedMounts, deleteSavedMount, loadMount, saveMount } from '../features/mounts/saved.operations.ts';
import { remove as deleteUpload } from '../features/uploads/look.operations.ts';
import { zoneCreate, zoneDelete, zoneGet, zoneList, zoneUpdate } from '../features/zones/zones.operations.ts';
import { methodList } from './operations.ts';

/** A schema, as far as types go: the published client knows no library of schemas. */
interface Schema<T> {
  readonly _zod: { readonly output: T };
}

/** What a client has to know of an operation: what it takes, what of that may be left out, and what it gives. */
export interface ClientMethod<I, O, D extends keyof I> {
  readonly operation: { readonly input: Schema<I>; readonly output: Schema<O> };
  /** Parameters with a default. */
  readonly defaulted: readonly D[];
}

const method = <I, O, D extends keyof I = never>(
  operation: ClientMethod<I, O, D>['operation'],
  ...defaulted: D[]
): ClientMethod<I, O, D> => ({ operation, defaulted });

export const clientMethods = {
  rpc_list: method(methodList),
  zone_create: method(zoneCreate),
  zone_list: method(zoneList, 'limit', 'include_terminated'),
  zone_get: method(zoneGet),
  zone_update: method(zoneUpdate),
  zone_delete: method(zoneDelete),
  whoami: method(whoami),
  admin_create_key: method(createKeyOperations[0], 'inherit_permissions', 'raw_mode_enabled'),
  admin_list_keys: method(listForms[0], 'include_revoked', 'limit'),
  admin_get_key: method(getForms[0]),
  admin_update_key: method(updateForms[0]),
  admin_revoke_key: method(revokeForms[0]),
  register_agent: method(registerAgent, 'generate_api_key'),
  update_agent: method(updateAgent),
  get_agent: method(findOneAgent),
  list_agents: method(allAgents, 'match'),
  agent_list_by_zone: method(agentsByZone),
  delete_agent: method(removeAgent),
  agent_heartbeat: method(beatAgent),
  agent_transition: method(transitionAgent),
  agent_spec_put: method(putSpec, 'resource_requests', 'resource_limits', 'qos_class'),
  agent_spec_get: method(getSpec),
  agent_status: method(agentStatus),
  agent_warmup: method(warmupAgent),
  audit_list: method(auditList, 'format'),
  audit_verify: method(auditVerify, 'all', 'heads'),
  rebac_create: method(tupleCreate),
  rebac_delete: method(tupleDelete),
  rebac_write: method(tupleWrite, 'creates', 'deletes'),
  rebac_check: method(tupleCheck),
  rebac_check_batch: method(tupleCheckBatch),
  rebac_list_tuples: method(tupleList, 'limit'),
  rebac_list_objects: method(tupleObjects, 'object_type', 'limit'),
  rebac_expand: method(tupleExpand, 'limit'),
  rebac_explain: method(tupleExplain),
  rebac_get_schema: method(schemaGet),
  rebac_set_schema: method(schemaSet),
  share_with_user: method(shareWithUser, 'relation'),
  share_with_group: method(shareWithGroup, 'relation'),
  revoke_share: method(revokeShare),
  list_outgoing_shares: method(outgoingShares, 'limit'),
  list_incoming_shares: method(incomingShares, 'limit'),
  write: method(write),
  read: method(read, 'return_metadata'),
  delete: method(deleteFile),
  mkdir: method(mkdir, 'parents', 'exist_ok'),
  rmdir: method(rmdir, 'recursive'),
  append: method(append),
  edit: method(edit, 'fuzzy_threshold', 'preview'),
  rename: method(rename, 'overwrite'),
  copy: method(copy, 'recursive', 'overwrite'),
  write_batch: method(writeBatch),
  read_bulk: method(readBulk),
  exists_batch: method(existsBatch),
  stat_bulk: method(statBulk),
  delete_bulk: method(deleteBulk, 'recursive'),
  rename_bulk: method(renameBulk),
  list_versions: method(listVersions, 'limit'),
  get_version: method(getVersion, 'return_metadata'),
  rollback: method(rollback),
  diff_versions: method(diffVersions, 'mode', 'context_lines'),
  list: method(list, 'path'),
  glob: method(glob),
  grep: method(grep),
  exists: method(exists),
  is_directory: method(isDirectory),
  get_metadata: method(getMetadata),
  set_metadata: method(setMetadata),
  tree_snapshot_create: method(treeSnapshotCreate, 'path'),
  tree_snapshot_list: method(treeSnapshotList, 'limit'),
  tree_snapshot_get: method(treeSnapshotGet),
  tree_snapshot_delete: method(treeSnapshotDelete),
  tree_diff: method(treeDiff, 'path', 'limit'),
  tree_restore: method(treeRestore, 'path', 'preview'),
  tree_branch_create: method(treeBranchCreate),
  tree_branch_list: method(treeBranchList, 'limit'),
  tree_branch_delete: method(treeBranchDelete),
  tree_merge: method(treeMerge, 'into', 'strategy', 'preview'),
  delete_upload: method(deleteUpload),
  list_mounts: method(allMounts),
  get_mount: method(findMountAt),
  has_mount: method(hasMount),
  add_mount: method(addMount, 'priority', 'readonly', 'write_mode', 'sync_interval_seconds', 'force'),
  remove_mount: method(removeMount, 'force'),
  save_mount: method(saveMount, 'priority', 'readonly', 'write_mode', 'sync_interval_seconds', 'force'),
  list_saved_mounts: method(allSavedMounts),
  load_mount: method(loadMount, 'force'),
  mcp_list_mounts: method(listMcp, 'include_unmounted'),
  mcp_mount: method(mountMcp, 'args', 'env', 'headers', 'description', 'tier'),
  mcp_unmount: method(unmountMcp),
  mcp_sync: method(syncMcp),
  mcp_list_tools: method(listMcpTools),
  delete_saved_mount: method(deleteSavedMount),
  list_connectors: method(allConnectors),
  delete_connector: method(deleteConnector, 'force'),
};
