/**
 * The new enemy: a right is taken from one and given to another on one node, and as soon as that is answered both are asked
 * about on another node. Nodes are processes of their own on one PostgreSQL. As a command:
 * `node test/new-enemy/trials.ts --trials 100000 [--nodes 3] [--lanes 32]`.
 */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { type Client, createClient, NexusError } from '../../client/index.ts';
import { startNexus } from '../nexus-process.ts';
import { createDatabase, startPostgres } from '../servers/postgres.ts';

const ADMIN_KEY = 'admin-key-for-trials-0001';

export interface Nodes {
  readonly urls: readonly string[];
  stop(): Promise<void>;
}

export async function startNodes(count: number, database: string): Promise<Nodes> {
  const directory = mkdtempSync(join(tmpdir(), 'nexus-trials-'));
  const started = Array.from({ length: count }, (_, n) =>
    startNexus(['serve', '--port', '0', '--data', join(directory, `node${n}`)], {
      cwd: directory,
      env: {
        NEXUS_DATABASE_URL: database,
        NEXUS_BLOBS_URL: pathToFileURL(join(directory, 'blobs')).href,
        NEXUS_BOOTSTRAP_ADMIN_KEY: ADMIN_KEY,
        NEXUS_RATE_LIMIT_ENABLED: 'false',
        NEXUS_LOG_LEVEL: 'error',
      },
    }),
  );
  const urls = await Promise.all(started.map(async ({ said }) => (await said(/listening at (\S+)\n/))[1] ?? ''));
  return {
    urls,
    stop: async () => {
      for (const { child } of started) {
        const ended = once(child, 'close');
        child.kill('SIGTERM');
        await ended;
      }
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

export interface Miss {
  readonly trial: number;
  readonly how: How;
  readonly who: 'former' | 'next';
  readonly writer: number;
  readonly asked: number;
}

export interface Report {
  readonly trials: number;
  readonly misses: readonly Miss[];
}

/** By a tuple of the file, or by one that makes a member; asked by rebac_check, or by reading as the one. */
const HOWS = ['tuple, check', 'member, check', 'tuple, read', 'member, read'] as const;
type How = (typeof HOWS)[number];

interface Person {
  readonly id: string;
  /** With the person's key, one for each node. */
  readonly clients: readonly Client[];
}

/** Two people who take turns in having one right. */
class Lane {
  private readonly admins: readonly Client[];
  private readonly folder: string;
  private readonly group: string;
  private readonly people: readonly [Person, Person];
  private held: { tuple_id: string; who: 0 | 1 } | undefined;

  static async open(urls: readonly string[], n: number): Promise<Lane> {
    const admins = urls.map((url) => createClient({ url, key: ADMIN_KEY }));
    const person = async (id: string): Promise<Person> => {
      const { key } = await admins[0]!.admin_create_key({ name: id, user_id: id, role: 'viewer' });
      return { id, clients: urls.map((url) => createClient({ url, key })) };
    };
    const lane = new Lane(admins, n, [await person(`a${n}`), await person(`b${n}`)]);
    await lane.prepare();
    return lane;
  }

  private constructor(admins: readonly Client[], n: number, people: readonly [Person, Person]) {
    this.admins = admins;
    this.folder = `/lane${n}`;
    this.group = `lane${n}`;
    this.people = people;
  }

  private async prepare(): Promise<void> {
    const [admin] = this.admins;
    await admin!.write({ path: `${this.folder}/f`, content: 'x' });
    const grant = { subject: ['group', this.group], relation: 'direct_viewer', object: ['file', this.folder] };
    await admin!.rebac_create(grant);
  }

  /** The right goes to the other one; both are asked about elsewhere. */
  async try(trial: number): Promise<Miss[]> {
    const nodes = this.admins.length;
    const how = HOWS[trial % HOWS.length]!;
    const writer = trial % nodes;
    const asked = (writer + 1 + (Math.floor(trial / nodes) % (nodes - 1))) % nodes;
    const former = this.held?.who ?? 0;
    const next = former === 0 ? 1 : 0;
    const subject = ['user', this.people[next].id];
    const right = how.startsWith('tuple')
      ? { subject, relation: 'direct_viewer', object: ['file', this.folder] }
      : { subject, relation: 'member', object: ['group', this.group] };
    const deletes = this.held ? [this.held.tuple_id] : [];
    const { tuple_ids } = await this.admins[writer]!.rebac_write({ creates: [right], deletes });
    const [mayFormer, mayNext] = await Promise.all([this.may(former, how, asked), this.may(next, how, asked)]);
    this.held = { tuple_id: tuple_ids[0] ?? '', who: next };
    const miss = { trial, how, writer, asked };
    return [
      ...(mayFormer ? [{ ...miss, who: 'former' as const }] : []),
      ...(mayNext ? [] : [{ ...miss, who: 'next' as const }]),
    ];
  }

  private async may(who: 0 | 1, how: How, node: number): Promise<boolean> {
    const { id, clients } = this.people[who];
    const path = `${this.folder}/f`;
    if (how.endsWith('check')) {
      return this.admins[node]!.rebac_check({ subject: ['user', id], permission: 'read', object: ['file', path] });
    }
    try {
      return (await clients[node]!.exists({ path })).exists;
    } catch (thrown) {
      if (thrown instanceof NexusError && thrown.code === 'ACCESS_DENIED') return false;
      throw thrown;
    }
  }
}

export async function runTrials(
  urls: readonly string[],
  {
    trials,
    lanes,
    told,
  }: { readonly trials: number; readonly lanes: number; told?(done: number, missed: number): void },
): Promise<Report> {
  const misses: Miss[] = [];
  let begun = 0;
  let done = 0;
  const open = await Promise.all(Array.from({ length: lanes }, (_, n) => Lane.open(urls, n)));
  await Promise.all(
    open.map(async (lane) => {
      while (begun < trials) {
        misses.push(...(await lane.try(begun++)));
        done++;
        told?.(done, misses.length);
      }
    }),
  );
  return { trials: done, misses };
}

if (import.meta.main) {
  const options = {
    trials: { type: 'string', default: '100000' },
    nodes: { type: 'string', default: '2' },
    lanes: { type: 'string', default: '32' },
  } as const;
  const { values } = parseArgs({ options });
  const postgres = await startPostgres();
  const database = await createDatabase(postgres);
  const nodes = await startNodes(Number(values.nodes), database.url);
  const began = performance.now();
  const report = await runTrials(nodes.urls, {
    trials: Number(values.trials),
    lanes: Number(values.lanes),
    told: (done, missed) => done % 1_000 === 0 && console.log(`${done} trials, ${missed} missed`),
  });
  await nodes.stop();
  await postgres.stop();
  const seconds = Math.round((performance.now() - began) / 1_000);
  console.log(JSON.stringify({ ...report, nodes: nodes.urls.length, seconds }, undefined, 2));
  process.exitCode = report.misses.length === 0 ? 0 : 1;
}
