/** Rows of MCP servers that are mounted. */
import type { Tx } from '../../ports/sql.ts';

export const TIERS = ['user', 'zone', 'system'] as const;
export type Tier = (typeof TIERS)[number];

/** An entry, without its tools. */
export interface McpRow {
  readonly zone_id: string;
  readonly tier: Tier;
  readonly owner: string;
  readonly name: string;
  readonly mount_id: string;
  readonly transport: 'stdio' | 'sse' | 'http';
  readonly place: string;
  readonly description: string;
  readonly mounted: number;
  readonly tool_count: number;
  readonly last_error: string | null;
  readonly looked_at: number;
}

const COLUMNS = [
  'zone_id',
  'tier',
  'owner',
  'name',
  'mount_id',
  'transport',
  'place',
  'description',
  'mounted',
  'tool_count',
  'last_error',
  'looked_at',
] as const satisfies readonly (keyof McpRow)[];
const ALL = COLUMNS.join(', ');

/** Who looks: in which zone, and as whom. */
export interface Looker {
  readonly zone_id: string;
  /** `type:id`. */
  readonly owner: string;
}

/** His own, those of the zone, and those of the server. */
const SEEN = "((zone_id = ? AND tier = 'zone') OR (zone_id = ? AND tier = 'user' AND owner = ?) OR tier = 'system')";
const seenBy = ({ zone_id, owner }: Looker): string[] => [zone_id, zone_id, owner];

export const listSeen = (tx: Tx, looker: Looker): Promise<McpRow[]> =>
  tx.all<McpRow>(`SELECT ${ALL} FROM mcp_mounts WHERE ${SEEN} ORDER BY name, tier DESC`, seenBy(looker));

/** Of several of a name the nearest: his own, then that of the zone, then that of the server. */
export const findSeen = (tx: Tx, looker: Looker, name: string): Promise<McpRow | undefined> =>
  tx.get<McpRow>(
    `SELECT ${ALL} FROM mcp_mounts WHERE ${SEEN} AND name = ?
     ORDER BY CASE tier WHEN 'user' THEN 0 WHEN 'zone' THEN 1 ELSE 2 END LIMIT 1`,
    [...seenBy(looker), name],
  );

/** JSON. */
export const findTools = async (tx: Tx, mount_id: string): Promise<string> =>
  (await tx.get<{ tools: string }>('SELECT tools FROM mcp_mounts WHERE mount_id = ?', [mount_id]))?.tools ?? '[]';

export const findById = (tx: Tx, mount_id: string): Promise<McpRow | undefined> =>
  tx.get<McpRow>(`SELECT ${ALL} FROM mcp_mounts WHERE mount_id = ?`, [mount_id]);

export async function countOfZone(tx: Tx, zone_id: string): Promise<number> {
  return (await tx.get<{ n: number }>('SELECT COUNT(*) AS n FROM mcp_mounts WHERE zone_id = ?', [zone_id]))?.n ?? 0;
}

/** Whether there was one. */
export const deleteNamed = async (
  tx: Tx,
  { zone_id, tier, owner, name }: Pick<McpRow, 'zone_id' | 'tier' | 'owner' | 'name'>,
): Promise<boolean> =>
  (await tx.run('DELETE FROM mcp_mounts WHERE zone_id = ? AND tier = ? AND owner = ? AND name = ?', [
    zone_id,
    tier,
    owner,
    name,
  ])) > 0;

export async function insertEntry(tx: Tx, row: McpRow): Promise<void> {
  await tx.run(`INSERT INTO mcp_mounts (${ALL}, tools) VALUES (${COLUMNS.map(() => '?').join(', ')}, '[]')`, [
    ...COLUMNS.map((column) => row[column]),
  ]);
}

export interface Seen {
  readonly mount_id: string;
  /** JSON. */
  readonly tools: string;
  readonly tool_count: number;
  readonly last_error: string | null;
  readonly looked_at: number;
}

/** What a look came to; nothing where the entry is gone. */
export async function saveSeen(tx: Tx, seen: Seen): Promise<void> {
  const { mount_id, tools, tool_count, last_error, looked_at } = seen;
  await tx.run(
    'UPDATE mcp_mounts SET mounted = ?, tool_count = ?, tools = ?, last_error = ?, looked_at = ? WHERE mount_id = ?',
    [last_error === null ? 1 : 0, tool_count, tools, last_error, looked_at, mount_id],
  );
}

export const removeOfZone = (tx: Tx, zone_id: string, rows: number): Promise<number> =>
  tx.run(
    'DELETE FROM mcp_mounts WHERE zone_id = ? AND mount_id IN (SELECT mount_id FROM mcp_mounts WHERE zone_id = ? LIMIT ?)',
    [zone_id, zone_id, rows],
  );
