/** Rows of inboxes and messages. What has expired is as good as gone, though its row goes later. */
import type { RowsInsert, Tx } from '../../ports/sql.ts';

export interface MailboxRow {
  readonly zone_id: string;
  readonly agent_id: string;
  /** `type:id` of who made it. */
  readonly owner: string;
  readonly created_at: number;
}

export interface MessageRow {
  readonly zone_id: string;
  readonly recipient: string;
  /** Number of the event that told of it. */
  readonly seq: number;
  readonly message_id: string;
  readonly sender: string;
  readonly type: string;
  /** JSON. */
  readonly payload: string;
  readonly bytes: number;
  readonly correlation_id: string | null;
  readonly created_at: number;
  readonly expires_at: number | null;
}

const MESSAGE = [
  'zone_id',
  'recipient',
  'seq',
  'message_id',
  'sender',
  'type',
  'payload',
  'bytes',
  'correlation_id',
  'created_at',
  'expires_at',
] as const satisfies readonly (keyof MessageRow)[];

const mailboxRows: RowsInsert = { into: 'mailboxes', columns: ['zone_id', 'agent_id', 'owner', 'created_at'] };
const messageRows: RowsInsert = { into: 'messages', columns: MESSAGE };

export const findMailbox = (tx: Tx, zone_id: string, agent_id: string): Promise<MailboxRow | undefined> =>
  tx.get<MailboxRow>('SELECT zone_id, agent_id, owner, created_at FROM mailboxes WHERE zone_id = ? AND agent_id = ?', [
    zone_id,
    agent_id,
  ]);

export const insertMailbox = (tx: Tx, row: MailboxRow): Promise<void> =>
  tx.insert(mailboxRows, [[row.zone_id, row.agent_id, row.owner, row.created_at]]);

export async function countMailboxes(tx: Tx, zone_id: string): Promise<number> {
  return (await tx.get<{ n: number }>('SELECT COUNT(*) AS n FROM mailboxes WHERE zone_id = ?', [zone_id]))?.n ?? 0;
}

export const insertMessage = (tx: Tx, row: MessageRow): Promise<void> =>
  tx.insert(messageRows, [MESSAGE.map((column) => row[column])]);

export interface Inbox {
  readonly zone_id: string;
  readonly agent_id: string;
  readonly now: number;
}

const LIVE = 'zone_id = ? AND recipient = ? AND (expires_at IS NULL OR expires_at > ?)';

export async function countMessages(tx: Tx, { zone_id, agent_id, now }: Inbox): Promise<number> {
  const row = await tx.get<{ n: number }>(`SELECT COUNT(*) AS n FROM messages WHERE ${LIVE}`, [zone_id, agent_id, now]);
  return row?.n ?? 0;
}

/** Numbers and sizes, oldest first: what decides how many make a page. */
export const listSizes = (
  tx: Tx,
  { zone_id, agent_id, now }: Inbox,
  page: { readonly after: number; readonly limit: number },
): Promise<Pick<MessageRow, 'seq' | 'bytes'>[]> =>
  tx.all(`SELECT seq, bytes FROM messages WHERE ${LIVE} AND seq > ? ORDER BY seq LIMIT ?`, [
    zone_id,
    agent_id,
    now,
    page.after,
    page.limit,
  ]);

/** Oldest first, behind one number and up to another. */
export const listMessages = (
  tx: Tx,
  { zone_id, agent_id, now }: Inbox,
  range: { readonly after: number; readonly upTo: number },
): Promise<MessageRow[]> =>
  tx.all<MessageRow>(`SELECT ${MESSAGE.join(', ')} FROM messages WHERE ${LIVE} AND seq > ? AND seq <= ? ORDER BY seq`, [
    zone_id,
    agent_id,
    now,
    range.after,
    range.upTo,
  ]);

/** False where there is none. */
export async function deleteMessage(tx: Tx, { zone_id, agent_id, now }: Inbox, message_id: string): Promise<boolean> {
  const gone = await tx.run(`DELETE FROM messages WHERE ${LIVE} AND message_id = ?`, [
    zone_id,
    agent_id,
    now,
    message_id,
  ]);
  return gone > 0;
}

export async function removeMailbox(tx: Tx, zone_id: string, agent_id: string): Promise<void> {
  await tx.run('DELETE FROM messages WHERE zone_id = ? AND recipient = ?', [zone_id, agent_id]);
  await tx.run('DELETE FROM mailboxes WHERE zone_id = ? AND agent_id = ?', [zone_id, agent_id]);
}

/** Active zones in which messages have expired. */
export async function listExpiringZones(tx: Tx, now: number): Promise<string[]> {
  const rows = await tx.all<{ zone_id: string }>(
    `SELECT DISTINCT m.zone_id FROM messages m JOIN zones z ON z.zone_id = m.zone_id
     WHERE m.expires_at IS NOT NULL AND m.expires_at <= ? AND z.phase = 'Active' ORDER BY m.zone_id`,
    [now],
  );
  return rows.map(({ zone_id }) => zone_id);
}

export const deleteExpired = (tx: Tx, of: { zone_id: string; now: number; rows: number }): Promise<number> =>
  tx.run(
    `DELETE FROM messages WHERE (zone_id, recipient, seq) IN (SELECT zone_id, recipient, seq FROM messages
       WHERE zone_id = ? AND expires_at IS NOT NULL AND expires_at <= ? LIMIT ?)`,
    [of.zone_id, of.now, of.rows],
  );

/** Removes at most so many rows of inboxes of a zone that is ending. */
export async function removeMailboxes(tx: Tx, zone_id: string, rows: number): Promise<number> {
  const slice = (table: string, key: string, most: number): Promise<number> =>
    tx.run(`DELETE FROM ${table} WHERE (${key}) IN (SELECT ${key} FROM ${table} WHERE zone_id = ? LIMIT ?)`, [
      zone_id,
      most,
    ]);
  const messages = await slice('messages', 'zone_id, recipient, seq', rows);
  return messages + (await slice('mailboxes', 'zone_id, agent_id', rows - messages));
}
