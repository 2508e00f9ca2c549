/**
 * The long form of soak.test.ts: `node test/soak/campaign.ts [--minutes 30] [--rate 120]`. A line a minute and the verdict. Memory is
 * what is held when all threads have just collected their garbage, at the end against two thirds of the time (by one third all
 * caches are full, that of texts for grep last): at most a tenth more. Handles and threads by the medians of the last third and the
 * one before it: no more. Connections, to the database too, are counted apart: there are as many as are needed at once, and of the
 * database none that its pool does not know. No answer 5xx, and where there is one it names its trace. Exit code 1 where that does
 * not hold.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { median } from '../../bench/lib/pairs.ts';
import { setup } from '../servers/built-program.ts';
import type { Sample } from './soak.ts';

const { values } = parseArgs({ options: { minutes: { type: 'string' }, rate: { type: 'string' } } });
const minutes = Number(values.minutes ?? 30);
const rate = Number(values.rate ?? 120);
const SAMPLE_MS = 5_000;
const MEMORY_GROWTH = 1.1;
/** The last one just before the end, while the load goes on. */
const LOOKS = [1 / 3, 2 / 3, 0.99];

const say = (text: string): void => console.log(`${new Date().toISOString().slice(11, 19)} ${text}`);
/** As it is published; what starts it looks for that once, when it is loaded. */
const remove = setup();
const { soak } = await import('./soak.ts');
const directory = mkdtempSync(join(tmpdir(), 'nexus-soak-'));
let minute = 0;
const soaked = await soak({
  directory,
  seconds: minutes * 60,
  rate,
  sampleMs: SAMPLE_MS,
  looks: LOOKS,
  told: ({ at, mebibytes, handles, database, connections, threads }, { calls, refused, failed }) => {
    if (at < (minute + 1) * 60_000) return;
    minute++;
    const held = `${mebibytes.toFixed(0)} MiB, ${handles} handles, ${database.log} + ${database.file} of the database, ${connections} connections, ${threads} threads`;
    say(
      `${minute} of ${minutes} min: ${calls} calls, ${refused} refused as they should, ${failed.length} failed; ${held}`,
    );
  },
}).finally(() => {
  remove();
  rmSync(directory, { recursive: true, force: true });
});

const { samples, held, counts, rounds, code, complaints } = soaked;
const third = Math.floor(samples.length / 3);
const early = samples.slice(-2 * third, -third);
const late = samples.slice(-third);
const of = (part: readonly Sample[], what: 'handles' | 'threads' | 'pool'): number =>
  median(part.map((sample) => sample[what]));
/** One is that of the checkpoints, which nobody takes from the pool (engines/sqlite/checkpoint-thread.ts). */
const connectionsOf = ({ pool }: Sample): number => pool + 1;
const most = Math.max(...samples.map(connectionsOf));
const [logs, files] = (['log', 'file'] as const).map((which) => late.map(({ database }) => database[which]));
/** What there is more of in the last third than in the one before it. */
const grown = [...new Set(late.flatMap(({ kinds }) => Object.keys(kinds)))].flatMap((kind) => {
  const [was, is] = [early, late].map((part) => median(part.map(({ kinds }) => kinds[kind] ?? 0)));
  return is! > was! ? [`${kind} ${was} → ${is}`] : [];
});
const [, before = Number.NaN, after = Number.NaN] = held;

say(
  `rounds: ${Object.entries(rounds)
    .map(([name, n]) => `${name} ${n}`)
    .join(', ')}`,
);
for (const failed of counts.failed.slice(0, 20)) say(`  ${failed}`);
for (const complaint of complaints.slice(0, 20)) say(`  ${complaint}`);
const growth = after / before;
const verdicts: readonly (readonly [string, boolean])[] = [
  [
    `memory held ${held.map((mebibytes) => mebibytes.toFixed(0)).join(' → ')} MiB (× ${growth.toFixed(2)}, bar ${MEMORY_GROWTH})`,
    growth <= MEMORY_GROWTH,
  ],
  [`handles ${of(early, 'handles')} → ${of(late, 'handles')}`, of(late, 'handles') <= of(early, 'handles')],
  [
    `${median(logs!)} handles of the database's log, ${median(files!)} of its file, of ${of(late, 'pool') + 1} connections and ${most} at most`,
    median(logs!) <= of(late, 'pool') + 1 && Math.max(...files!) <= most,
  ],
  [`threads ${of(early, 'threads')} → ${of(late, 'threads')}`, of(late, 'threads') <= of(early, 'threads')],
  [
    `${counts.failed.length} of ${counts.calls} calls failed, ${counts.untraced} without a trace`,
    counts.failed.length === 0,
  ],
  [`${complaints.length} errors in the log, exit code ${code}`, complaints.length === 0 && code === 0],
];
if (grown.length > 0) say(`more handles of: ${grown.join(', ')}`);
for (const [text, holds] of verdicts) say(`${text}: ${holds ? 'holds' : 'DOES NOT HOLD'}`);
process.exit(verdicts.every(([, holds]) => holds) ? 0 : 1);
