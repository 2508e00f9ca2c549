/** Every operation on agents and their inboxes, the steps of the server among them. */
import { ofBrick } from '../../core/operation.ts';
import { agentHousekeeping } from './ageing.operations.ts';
import { beatAgent, transitionAgent } from './lifecycle.operations.ts';
import { agentPage, agentsByZone, allAgents, findOneAgent, getAgent } from './list.operations.ts';
import { countInbox, deleteFromInbox, listInbox, provisionInbox, sendMessage } from './mailbox.operations.ts';
import { deleteAgentByRoute, registerAgent, removeAgent, updateAgent } from './register.operations.ts';
import { getSpec, putSpec } from './spec.operations.ts';
import { agentStatus } from './status.operations.ts';
import { beginWarmup, checkWarmup, endWarmup, warmupAgent } from './warmup.operations.ts';

export const agentOperations = [
  ...ofBrick('agents', [
    registerAgent,
    updateAgent,
    findOneAgent,
    getAgent,
    allAgents,
    agentsByZone,
    agentPage,
    removeAgent,
    deleteAgentByRoute,
    transitionAgent,
    beatAgent,
    putSpec,
    getSpec,
    agentStatus,
    warmupAgent,
    beginWarmup,
    checkWarmup,
    endWarmup,
  ]),
  ...ofBrick('ipc', [provisionInbox, sendMessage, listInbox, countInbox, deleteFromInbox]),
  ...agentHousekeeping,
] as const;
