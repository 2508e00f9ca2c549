/**
 * P1, P2, P3: no-op tasks a second, 24 at a time, each completion durable before it counts (platform.md §9), beside other
 * queues on the same PostgreSQL server, and embedded beside Redis.
 */
import { createDatabase, startPostgres } from '../test/servers/postgres.ts';
import { openBullMq, openGraphile, openPgBoss, type Peer } from './lib/job-peers.ts';
import { type NexusQueue, openNexusQueue } from './lib/job-queues.ts';
import { type Bar, measurePairs, printBar, type Side } from './lib/pairs.ts';

const TASKS = 20_000;
const AT_ONCE = 24;
const PAIRS = 5;
/** What PostgreSQL takes where nobody says. */
const BUFFERS_MIB = 128;

const sideOf = (name: string, queue: Pick<NexusQueue, 'fill' | 'drain'>, tasks: number): Side => ({
  name,
  measure: async () => {
    await queue.fill(tasks);
    return tasks / (await queue.drain(tasks, AT_ONCE));
  },
});

interface Asked {
  readonly id: string;
  readonly atLeast: number;
  readonly where: string;
  readonly tasks: number;
  nexus(): Promise<NexusQueue>;
  peer(): Promise<Peer>;
}

async function compare({ id, atLeast, where, tasks, ...open }: Asked): Promise<boolean> {
  const nexus = await open.nexus();
  const peer = await open.peer();
  try {
    const ours = sideOf(`Nexus, ${where}`, nexus, tasks);
    const theirs = sideOf(peer.name, peer, tasks);
    const bar: Bar = {
      id,
      what: `${tasks} no-op tasks, ${AT_ONCE} at a time, each completion durable`,
      unit: 'tasks/s',
      bound: { atLeast },
    };
    return printBar(bar, { ours, theirs }, await measurePairs(ours, theirs, PAIRS));
  } finally {
    await peer.close();
    await nexus.close();
  }
}

export async function run({ calls: tasks = TASKS }: { readonly calls?: number | undefined }): Promise<boolean> {
  const postgres = await startPostgres(BUFFERS_MIB);
  try {
    const fresh = async (): Promise<string> => (await createDatabase(postgres)).url;
    const nexus = async (): Promise<NexusQueue> => openNexusQueue('postgres', await fresh());
    const common = { where: 'PostgreSQL', tasks, nexus };
    const p1 = await compare({ ...common, id: 'P1', atLeast: 3, peer: async () => openPgBoss(await fresh()) });
    const p2 = await compare({ ...common, id: 'P2', atLeast: 1.5, peer: async () => openGraphile(await fresh()) });
    const embedded = { where: 'embedded', tasks, nexus: () => openNexusQueue('sqlite') };
    const p3 = await compare({ ...embedded, id: 'P3', atLeast: 1, peer: openBullMq });
    return p1 && p2 && p3;
  } finally {
    await postgres.stop();
  }
}
