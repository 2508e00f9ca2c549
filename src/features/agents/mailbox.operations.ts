/**
 * Inboxes (platform.md §1.6). Guarantees: a message is answered for when it is on disk, and stays until it is deleted or
 * its time is over; nobody sends in the name of somebody else or of his agent; an inbox is open to its agent, the agent's user and
 * admins of the zone only.
 */
import { z } from 'zod';
import { isoTime } from '../../base/clock.ts';
import { readCursor, writeCursor } from '../../base/cursor.ts';
import { Fault } from '../../base/faults.ts';
import { isUuid, newUuid } from '../../base/ids.ts';
import { jsonObject } from '../../base/json-object.ts';
import { parseJson } from '../../base/parse-json.ts';
import { holdsNul, NO_NUL, plainText } from '../../base/texts.ts';
import type { Call, Operation } from '../../core/operation.ts';
import { cursorParam, pageParam } from '../jobs/params.ts';
import { isAdmin, subjectOf } from '../jobs/visibility.ts';
import { listOwners } from './agents.sql.ts';
import { isNameOfOther } from './claims.sql.ts';
import {
  countMailboxes,
  countMessages,
  deleteMessage,
  findMailbox,
  type Inbox,
  insertMailbox,
  insertMessage,
  listMessages,
  listSizes,
  type MessageRow,
} from './mailbox.sql.ts';
import { agentId, keptJson, OPERATOR, VIEWER } from './params.ts';
import { agentNotFound, isItself, isRegistrar, mayActFor } from './rights.ts';

const ROOT = '/api/v2/ipc';
const tell = (call: Call, type: 'sent' | 'deleted', id: string, data: Readonly<Record<string, unknown>>): number =>
  call.event({ type: `message.${type}`, object: { type: 'message', id }, data });

const agentInput = z.object({ agent_id: agentId });
type AgentInput = z.infer<typeof agentInput>;
const provisioned = z.object({ agent_id: z.string(), provisioned: z.literal(true), created: z.boolean() });

export const provisionInbox: Operation<AgentInput, z.infer<typeof provisioned>> = {
  name: 'inbox.provision',
  summary: 'Make an inbox for an agent, which need not be registered.',
  effect: 'write',
  who: OPERATOR,
  input: agentInput,
  output: provisioned,
  faults: ['TOO_MANY'],
  http: { method: 'POST', path: `${ROOT}/provision/:agent_id`, statusOf: ({ created }) => (created ? 201 : 200) },
  cli: { words: 'inbox provision', args: ['agent_id'] },
  object: ({ agent_id }) => `agent:${agent_id}`,
  run: async (call, { agent_id }) => {
    const { tx, zone, limits } = call;
    const created = (await findMailbox(tx, zone.zone_id, agent_id)) === undefined;
    if (!created) return { agent_id, provisioned: true, created };
    const maximum = limits.AGENTS;
    if ((await countMailboxes(tx, zone.zone_id)) >= maximum) {
      const message = `Zone ${zone.zone_id} has ${maximum} inboxes, the most it may; delete agents that have one`;
      throw new Fault('TOO_MANY', message, { limit: 'AGENTS', maximum });
    }
    await insertMailbox(tx, { zone_id: zone.zone_id, agent_id, owner: subjectOf(call), created_at: call.now });
    call.event({ type: 'message.provisioned', object: { type: 'agent', id: agent_id } });
    return { agent_id, provisioned: true, created };
  },
};

const TTL_SECONDS_MAX = 31_536_000;
const sendInput = z.object({
  sender: plainText.min(1).max(255).describe('the caller, or an agent that it may act for'),
  recipient: agentId,
  type: plainText.min(1).max(128).describe('what kind of message'),
  payload: jsonObject
    .refine((value) => !holdsNul(value), NO_NUL)
    .default({})
    .describe('the message itself, a JSON object'),
  ttl_seconds: z.number().min(0.001).max(TTL_SECONDS_MAX).optional().describe('gone after so long'),
  correlation_id: plainText
    .min(1)
    .max(255)
    .optional()
    .describe('what the message belongs to, as a request that it answers'),
});
const sent = z.object({ message_id: z.string(), status: z.literal('sent') });

export const sendMessage: Operation<z.infer<typeof sendInput>, z.infer<typeof sent>> = {
  name: 'inbox.send',
  tool: 'send_message',
  summary: 'Put a message into the inbox of an agent.',
  effect: 'write',
  who: OPERATOR,
  input: sendInput,
  output: sent,
  faults: ['AGENT_NOT_FOUND', 'ACCESS_DENIED', 'LIMIT_EXCEEDED', 'TOO_MANY'],
  http: { method: 'POST', path: `${ROOT}/send`, tolerant: true },
  cli: { words: 'inbox send', args: ['sender', 'recipient', 'type'] },
  object: ({ recipient }) => `agent:${recipient}`,
  run: async (call, { sender, recipient, ttl_seconds, ...message }) => {
    const { tx, zone, now, limits } = call;
    await checkSender(call, sender);
    const inbox: Inbox = { zone_id: zone.zone_id, agent_id: recipient, now };
    if (!(await findMailbox(tx, zone.zone_id, recipient))) throw agentNotFound(recipient, 'No inbox of agent');
    const payload = keptJson(message.payload, 'the payload', { limits, name: 'MESSAGE_BYTES' });
    await checkRoom(call, inbox);
    const row: MessageRow = {
      zone_id: zone.zone_id,
      recipient,
      seq: call.nextRevision(),
      message_id: newUuid(now),
      sender,
      type: message.type,
      payload,
      bytes: Buffer.byteLength(payload),
      correlation_id: message.correlation_id ?? null,
      created_at: now,
      expires_at: ttl_seconds === undefined ? null : now + Math.ceil(ttl_seconds * 1000),
    };
    await insertMessage(tx, row);
    tell(call, 'sent', row.message_id, { sender, recipient, message_type: row.type });
    return { message_id: row.message_id, status: 'sent' };
  },
};

/**
 * ACCESS_DENIED for a name that is not the caller's own and that it may not act for. Whoever has a key acts for himself: his
 * name is no id of an agent that nobody registered.
 */
async function checkSender(call: Call, sender: string): Promise<void> {
  const { caller, tx, zone } = call;
  if (sender === caller.subject_id || isAdmin(call)) return;
  const isOther = await isNameOfOther(tx, { zone_id: zone.zone_id, name: sender, subject: subjectOf(call) });
  if (!isOther && (await mayActFor(tx, caller, sender))) return;
  throw new Fault(
    'ACCESS_DENIED',
    `Access denied: ${sender.slice(0, 128)} is not the caller, nor an agent of the caller`,
    {
      sender: sender.slice(0, 128),
    },
  );
}

async function checkRoom(call: Call, inbox: Inbox): Promise<void> {
  const maximum = call.limits.MAILBOX_MESSAGES;
  if ((await countMessages(call.tx, inbox)) < maximum) return;
  throw new Fault('TOO_MANY', `The inbox of agent ${inbox.agent_id} has ${maximum} messages, the most it may`, {
    limit: 'MAILBOX_MESSAGES',
    maximum,
  });
}

/** The inbox, if it is there and open to the caller. Whose it is, is asked first: to others every inbox is shut. */
async function openInbox(call: Call, agent_id: string): Promise<Inbox> {
  const { tx, zone, caller, now } = call;
  const mailbox = await findMailbox(tx, zone.zone_id, agent_id);
  if (!isAdmin(call) && !isItself(caller, agent_id)) {
    const [agent] = await listOwners(tx, zone.zone_id, [agent_id]);
    const open = agent ? isRegistrar(caller, agent) : mailbox?.owner === subjectOf(call);
    if (!open) {
      const who = 'the agent itself, its user and admins of the zone';
      throw new Fault('ACCESS_DENIED', `Access denied: the inbox of agent ${agent_id} is open to ${who} only`, {
        agent_id,
      });
    }
  }
  if (!mailbox) throw agentNotFound(agent_id, 'No inbox of agent');
  return { zone_id: zone.zone_id, agent_id, now };
}

const messageObject = z.object({
  message_id: z.string(),
  filename: z.string(),
  sender: z.string(),
  type: z.string(),
  payload: jsonObject,
  correlation_id: z.string().nullable(),
  created_at: z.string(),
  expires_at: z.string().nullable(),
});
type MessageObject = z.infer<typeof messageObject>;

const toMessage = (row: MessageRow): MessageObject => ({
  message_id: row.message_id,
  filename: `${row.message_id}.json`,
  sender: row.sender,
  type: row.type,
  payload: parseJson(row.payload) as MessageObject['payload'],
  correlation_id: row.correlation_id,
  created_at: isoTime(row.created_at),
  expires_at: row.expires_at === null ? null : isoTime(row.expires_at),
});

const PAGE = 100;
const PAGE_MAX = 1000;
/** Payload of one page; a single message is answered however large it is. */
const PAGE_BYTES = 8 * 1024 * 1024;
const CURSOR = 'inbox';
const listInput = agentInput.extend({ limit: pageParam(PAGE_MAX, PAGE), cursor: cursorParam });
const listOutput = z.object({
  agent_id: z.string(),
  messages: z.array(messageObject),
  total: z.number(),
  next_cursor: z.string().nullable(),
  has_more: z.boolean(),
});

export const listInbox: Operation<z.infer<typeof listInput>, z.infer<typeof listOutput>> = {
  name: 'inbox.list',
  tool: 'list_messages',
  summary: 'List the messages in the inbox of an agent, oldest first.',
  effect: 'read',
  who: VIEWER,
  input: listInput,
  output: listOutput,
  faults: ['AGENT_NOT_FOUND', 'ACCESS_DENIED', 'INVALID_CURSOR'],
  http: { method: 'GET', path: `${ROOT}/inbox/:agent_id` },
  cli: { words: 'inbox list', args: ['agent_id'] },
  object: ({ agent_id }) => `agent:${agent_id}`,
  run: async (call, { agent_id, limit, cursor }) => {
    const inbox = await openInbox(call, agent_id);
    const after = cursor === undefined ? -1 : readCursor(CURSOR, cursor, z.object({ after: z.int() })).after;
    const sizes = await listSizes(call.tx, inbox, { after, limit: limit + 1 });
    const page = sizes.slice(0, fitting(sizes, limit));
    const upTo = page.at(-1)?.seq ?? after;
    const has_more = sizes.length > page.length;
    return {
      agent_id,
      messages: (await listMessages(call.tx, inbox, { after, upTo })).map(toMessage),
      total: await countMessages(call.tx, inbox),
      next_cursor: has_more ? writeCursor(CURSOR, { after: upTo }) : null,
      has_more,
    };
  },
};

/** How many of these make a page. */
function fitting(sizes: readonly Pick<MessageRow, 'bytes'>[], limit: number): number {
  let bytes = 0;
  const first = sizes.findIndex((one, i) => {
    bytes += one.bytes;
    return i >= limit || (i > 0 && bytes > PAGE_BYTES);
  });
  return first < 0 ? sizes.length : first;
}

const countOutput = z.object({ agent_id: z.string(), count: z.number() });

export const countInbox: Operation<AgentInput, z.infer<typeof countOutput>> = {
  name: 'inbox.count',
  tool: 'count_messages',
  summary: 'Count the messages in the inbox of an agent.',
  effect: 'read',
  who: VIEWER,
  input: agentInput,
  output: countOutput,
  faults: ['AGENT_NOT_FOUND', 'ACCESS_DENIED'],
  http: { method: 'GET', path: `${ROOT}/inbox/:agent_id/count` },
  cli: { words: 'inbox count', args: ['agent_id'] },
  object: ({ agent_id }) => `agent:${agent_id}`,
  run: async (call, { agent_id }) => ({
    agent_id,
    count: await countMessages(call.tx, await openInbox(call, agent_id)),
  }),
};

const deleteInput = agentInput.extend({ message_id: plainText.describe('id of the message') });

export const deleteFromInbox: Operation<z.infer<typeof deleteInput>, null> = {
  name: 'inbox.delete',
  tool: 'delete_messages',
  summary: 'Delete a message from the inbox of an agent.',
  effect: 'destroy',
  who: OPERATOR,
  input: deleteInput,
  output: z.null(),
  faults: ['AGENT_NOT_FOUND', 'ACCESS_DENIED', 'NOT_FOUND'],
  http: { method: 'DELETE', path: `${ROOT}/inbox/:agent_id/:message_id`, status: 204 },
  cli: { words: 'inbox delete', args: ['agent_id', 'message_id'] },
  object: ({ agent_id }) => `agent:${agent_id}`,
  run: async (call, { agent_id, message_id }) => {
    const inbox = await openInbox(call, agent_id);
    const id = message_id.toLowerCase().replace(/\.json$/, '');
    if (!isUuid(id) || !(await deleteMessage(call.tx, inbox, id))) {
      throw new Fault('NOT_FOUND', `No message ${message_id.slice(0, 64)} in the inbox of agent ${agent_id}`);
    }
    tell(call, 'deleted', id, { recipient: agent_id });
    return null;
  },
};
