/**
 * The bricks: features that an operator switches off and on while the server runs, and the ones that cannot be (contract
 * platform.md §6). In the order in which they are listed: what can best be spared first, the essential last. Whether one is
 * part of this server is told by the operations that declare it.
 */

interface Brick {
  readonly about: string;
  /** Cannot be switched off. */
  readonly essential?: true;
  /** What it cannot be without. */
  readonly requires?: readonly string[];
  /** Types of the server's own jobs that are for it: they wait while it is off. */
  readonly housework?: readonly string[];
}

export const BRICKS = {
  console: { about: 'the web console' },
  backups: { about: 'backups of the whole server', housework: ['backup'] },
  webhooks: { about: 'addresses that are told of events' },
  ipc: { about: 'inboxes of agents' },
  sandboxes: { about: 'microVMs' },
  corpus: { about: 'ingested text, its analysis and its branches' },
  workflows: { about: 'workflows and their runs' },
  mcp: { about: 'the door for MCP clients, and MCP servers as mounts' },
  search: { about: 'the index of trigrams; without it grep reads every content', housework: ['search_index'] },
  scheduler: { about: 'tasks, claims and schedules; other features keep the queue' },
  agents: { about: 'the registry of agents' },
  uploads: { about: 'resumable uploads', housework: ['upload_expiry'] },
  sync: { about: 'push to and pull from mounts', requires: ['mount'], housework: ['conflict_expiry'] },
  mount: { about: 'outside stores attached at paths' },
  event_log: { about: 'the log of changes', essential: true },
  filesystem: { about: 'files, versions, snapshots and branches', essential: true },
  auth: { about: 'keys and tokens', essential: true },
  rebac: { about: 'tuples and permissions', essential: true },
  kernel: { about: 'zones, limits, audit and the queue', essential: true },
} as const satisfies Record<string, Brick>;

export type BrickName = keyof typeof BRICKS;

/** All of them, in their order. */
export const brickRows: readonly (readonly [BrickName, Brick])[] = Object.entries(BRICKS).map(([name, brick]) => [
  name as BrickName,
  brick,
]);

/** Types of the server's own jobs that are for a brick. */
export const houseworkOf = (name: BrickName): readonly string[] => {
  const { housework = [] }: Brick = BRICKS[name];
  return housework;
};

export const isBrickName = (name: string): name is BrickName => Object.hasOwn(BRICKS, name);

/** What a brick cannot be without. */
export const requiredBy = (name: BrickName): readonly BrickName[] => {
  const { requires = [] }: Brick = BRICKS[name];
  return requires.filter(isBrickName);
};
