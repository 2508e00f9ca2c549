/** For which executors a caller takes all tasks (platform.md §2.6): agents that are it, are its own, or that it may execute. */
import type { Call } from '../../core/operation.ts';
import { holdsName, placeOf } from '../access/evaluate/evaluator.ts';
import { askAboutCaller, askingOf } from '../access/grants.ts';
import { listOwners } from './agents.sql.ts';
import { isItself, isRegistrar } from './rights.ts';

/** Those of the names for whose tasks the caller stands. X-Agent-ID adds nothing. */
export async function agentsServed(call: Call, names: readonly string[]): Promise<ReadonlySet<string>> {
  const { caller, zone, tx } = call;
  const served = new Set(names.filter((name) => isItself(caller, name)));
  const others = names.filter((name) => !served.has(name));
  if (others.length === 0) return served;
  for (const agent of await listOwners(tx, zone.zone_id, others)) {
    if (isRegistrar(caller, agent)) served.add(agent.agent_id);
  }
  if (zone.used_tuples === 0) return served;
  const asked = await askAboutCaller(askingOf(call.access));
  for (const name of others) {
    if (holdsName(asked, 'execute', placeOf(asked.graph, 'agent', name))) served.add(name);
  }
  return served;
}
