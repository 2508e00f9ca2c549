/**
 * The long form of listeners.test.ts: `node test/listeners/campaign.ts [--listeners 1000] [--events 2000] [--kills 2]`. Exit code 1
 * where a listener has missed an event, has one twice or out of order, or an acknowledged event is not in the log.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { hear } from './listeners.ts';

const options = { listeners: { type: 'string' }, events: { type: 'string' }, kills: { type: 'string' } } as const;
const { values } = parseArgs({ options });
const [listeners = 0, events = 0, kills = 0] = [values.listeners ?? 1000, values.events ?? 2000, values.kills ?? 2].map(
  Number,
);
const directory = mkdtempSync(join(tmpdir(), 'nexus-listeners-'));
const began = performance.now();
const heard = await hear({ directory, listeners, before: Math.ceil(events / 4), during: events, kills }).finally(() =>
  rmSync(directory, { recursive: true, force: true }),
);
const took = ((performance.now() - began) / 1000).toFixed(0);
console.log(
  `${listeners} listeners, of which a fifth slow and a fifth restless, ${kills} kills, ${took} s: ${heard.acknowledged} events acknowledged, ${heard.given} given, ${heard.resumed} times resumed`,
);
for (const line of heard.wrong.slice(0, 20)) console.log(`  ${line}`);
console.log(heard.wrong.length === 0 ? 'nothing missing, twice or out of order' : `${heard.wrong.length} DIFFER`);
process.exitCode = heard.wrong.length === 0 ? 0 : 1;
