/**
 * The campaign: round after round a server is killed under writers and started again on the same directory, and all it
 * had acknowledged is looked for. As a command: `node test/crash/campaign.ts --rounds 2000 [--lanes 2] [--seed 1]`.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type Chance, chanceOf, type Tree, upTo } from './acts.ts';
import { check, listTree } from './check.ts';
import { type Journal, type Load, runLoad } from './load.ts';
import { buildProgram, type Child, type Program, spawnChild, startChild } from './program.ts';
import { ageUnfinished, type Verified } from './rows.ts';

/** Points at which a server ends itself, with the largest count that is waited for: see weakened.ts. */
const POINTS: readonly (readonly [string, number])[] = [
  ['commit.before', 60],
  ['commit.after', 60],
  ['state.before', 200],
  ['audit.after', 200],
  ['blob.reserved', 20],
  ['blob.written', 20],
  ['blob.named', 20],
  ['subtree.after', 12],
  ['move.after', 12],
];
/** Rounds on one directory. */
const ROUNDS_OF_A_DIRECTORY = 20;
/** Milliseconds after which a point counts as not reached. */
const POINT_PATIENCE_MS = 20_000;
/** A random kill comes at most this long after the first acknowledged write, in milliseconds. */
const KILL_WITHIN_MS = 250;
/** A kill while the server starts comes at most this long after its beginning. */
const START_KILL_WITHIN_MS = 600;

export interface CampaignOptions {
  readonly program: Program;
  readonly rounds: number;
  /** Servers at a time, each with a directory of its own. */
  readonly lanes: number;
  readonly writers: number;
  readonly seed: number;
  /** No round begins after this many milliseconds, however many are left. */
  readonly withinMs: number;
  /** Told after each round. */
  readonly onRound?: (report: CampaignReport) => void;
}

export interface CampaignReport {
  rounds: number;
  /** By the point at which the server was, `random`, or `starting`. */
  readonly kills: Record<string, number>;
  acknowledged: number;
  /** Calls without an answer, and those of them that were done all the same. */
  unknown: number;
  doneUnknown: number;
  readonly violations: string[];
}

export async function runCampaign(options: CampaignOptions): Promise<CampaignReport> {
  const report: CampaignReport = { rounds: 0, kills: {}, acknowledged: 0, unknown: 0, doneUnknown: 0, violations: [] };
  const until = performance.now() + options.withinMs;
  let begun = 0;
  let turns = 0;
  const takeTurn = (): number => turns++;
  const takeRound = (): number | undefined =>
    begun < options.rounds && performance.now() < until && report.violations.length === 0 ? begun++ : undefined;
  const lane = async (): Promise<void> => {
    for (let first = takeRound(); first !== undefined; first = takeRound()) {
      await runDirectory({ ...options, report, takeRound, takeTurn }, first);
    }
  };
  await warmUp(options.program);
  await Promise.all(Array.from({ length: options.lanes }, lane));
  return report;
}

/** The compile cache is written by a process that ends in order. */
async function warmUp(program: Program): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'nexus-crash-warm-'));
  const child = await startChild(program, { directory });
  await child.stop();
  rmSync(directory, { recursive: true });
}

interface Scene extends CampaignOptions {
  readonly report: CampaignReport;
  readonly takeRound: () => number | undefined;
  /** Counts the servers that were started to be killed. */
  readonly takeTurn: () => number;
}

/** One directory from its first start to its last check. */
interface Place extends Scene {
  readonly home: string;
  /** Data directory of the servers. */
  readonly directory: string;
  readonly chance: Chance;
  readonly verified: Verified;
  /** What each round left, which nothing later changes. */
  readonly trees: Map<string, Tree>;
}

/** A server with the point at which it is going to end itself, if it has one. */
interface Running {
  readonly child: Child;
  readonly point: string | undefined;
}

/** The file whose existence arms the point. */
const armedIn = (home: string): string => join(home, 'armed');

async function runDirectory(scene: Scene, first: number): Promise<void> {
  const home = mkdtempSync(join(tmpdir(), 'nexus-crash-data-'));
  const chance = chanceOf(scene.seed * 1_000_003 + first);
  const place: Place = { ...scene, home, directory: join(home, 'data'), chance, verified: new Set(), trees: new Map() };
  const { violations } = scene.report;
  await killWhileStarting(place);
  let running = await begin(place, true);
  let newestBefore = 0;
  let round: number | undefined = first;
  for (let n = 1; round !== undefined && violations.length === 0; n++) {
    const { load, journals } = await killUnderLoad(place, running, round);
    if (chance() < 0.1) await killWhileStarting(place);
    round = n < ROUNDS_OF_A_DIRECTORY ? scene.takeRound() : undefined;
    running = await begin(place, round !== undefined);
    newestBefore = await verify(place, running.child, { load, journals, newestBefore });
  }
  for (const [root, tree] of place.trees) violations.push(...changes(root, tree, await listTree(running.child, root)));
  await running.child.stop();
  if (violations.length === 0) rmSync(home, { recursive: true });
  else violations.push(`the directory is ${place.directory}`);
}

/** Starts a server. Of those that are going to be killed every other one has a point, each in its turn. */
async function begin({ program, directory, chance, home, takeTurn }: Place, forKill: boolean): Promise<Running> {
  ageUnfinished(directory);
  const turn = forKill ? takeTurn() : 1;
  const [point, most] = (turn % 2 === 0 ? POINTS[(turn / 2) % POINTS.length] : undefined) ?? [];
  if (point === undefined || most === undefined) return { child: await startChild(program, { directory }), point };
  const weakened = { NEXUS_TEST_KILL: `${point}:${1 + upTo(chance, most)}`, NEXUS_TEST_ARMED: armedIn(home) };
  return { child: await startChild(program, { directory, weakened }), point };
}

interface Told {
  readonly load: Load;
  readonly journals: readonly Journal[];
}

/** Writers write until the server ends itself at its point, or is killed. */
async function killUnderLoad(place: Place, { child, point }: Running, round: number): Promise<Told> {
  const { report, chance, home, seed, writers } = place;
  const load: Load = { root: `/r${round}`, prefix: `r${round}.`, writers, seed: seed * 7_919 + round };
  let over = false;
  void child.ended.then(() => {
    over = true;
  });
  const first = Promise.withResolvers<void>();
  writeFileSync(armedIn(home), '');
  const writing = runLoad(child, load, { isOver: () => over, onAcknowledged: () => first.resolve() });
  if (point === undefined) await Promise.race([child.ended, first.promise]);
  await Promise.race([child.ended, sleep(point ? POINT_PATIENCE_MS : upTo(chance, KILL_WITHIN_MS))]);
  const reached = over;
  const { signal, code } = await child.kill();
  const journals = await writing;
  rmSync(armedIn(home));
  if (signal !== 'SIGKILL') report.violations.push(`the server ended by itself with ${code}: ${child.errors()}`);
  const refused = journals.flatMap((journal) => journal.refused);
  report.violations.push(...refused.map((call) => `refused: ${JSON.stringify(call)}`));
  if (refused.length > 0) report.violations.push(`what its server said: ${child.errors()}`);
  count(report, reached && point ? point : 'random');
  return { load, journals };
}

/** Gives the newest revision there is. */
async function verify(place: Place, child: Child, round: Told & { newestBefore: number }): Promise<number> {
  const { report, directory, verified } = place;
  const { load, journals } = round;
  const checked = await check({ ...round, child, directory, verified });
  place.trees.set(load.root, checked.tree);
  report.rounds++;
  report.acknowledged += journals.reduce((sum, { acknowledged }) => sum + acknowledged.length, 0);
  report.unknown += journals.filter(({ unknown }) => unknown).length;
  report.doneUnknown += checked.doneUnknown;
  report.violations.push(...checked.violations.map((violation) => `${load.root}: ${violation}`));
  place.onRound?.(report);
  return checked.newest;
}

async function killWhileStarting(place: Place): Promise<void> {
  const starting = spawnChild(place.program, { directory: place.directory });
  await Promise.race([starting.ended, sleep(upTo(place.chance, START_KILL_WITHIN_MS))]);
  const { signal, code } = await starting.kill();
  if (signal !== 'SIGKILL') place.report.violations.push(`a starting server ended by itself with ${code}`);
  count(place.report, 'starting');
}

function count(report: CampaignReport, kill: string): void {
  report.kills[kill] = (report.kills[kill] ?? 0) + 1;
}

/** Paths that are not what their round left. */
function changes(root: string, before: Tree, now: Tree): string[] {
  const differs = (path: string): boolean => JSON.stringify(before.get(path)) !== JSON.stringify(now.get(path));
  return [...new Set([...before.keys(), ...now.keys()])]
    .filter(differs)
    .map((path) => `${root}: ${path} changed later`);
}

/** Points that no round was killed at, though each had its turn. */
export function pointsMissed(report: CampaignReport): string[] {
  return report.rounds < 2 * POINTS.length
    ? []
    : POINTS.map(([point]) => point).filter((point) => !report.kills[point]);
}

if (import.meta.main) {
  const options = {
    rounds: { type: 'string', default: '200' },
    lanes: { type: 'string', default: '2' },
    seed: { type: 'string', default: '1' },
  } as const;
  const { rounds, lanes, seed } = parseArgs({ options }).values;
  const program = buildProgram();
  const began = performance.now();
  const report = await runCampaign({
    program,
    rounds: Number(rounds),
    lanes: Number(lanes),
    seed: Number(seed),
    writers: 32,
    withinMs: Number.POSITIVE_INFINITY,
    onRound: (so) => so.rounds % 50 === 0 && console.log(`${so.rounds} rounds, ${so.acknowledged} acknowledged writes`),
  });
  program.remove();
  console.log(JSON.stringify({ ...report, seconds: Math.round((performance.now() - began) / 1_000) }, undefined, 2));
  process.exitCode = report.violations.length + pointsMissed(report).length === 0 ? 0 : 1;
}
