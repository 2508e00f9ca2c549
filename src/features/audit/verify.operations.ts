/** The check of the audit log (access.md §13): names every row that is not as it was written. */
import { z } from 'zod';
import { Fault } from '../../base/faults.ts';
import type { Call, Operation } from '../../core/operation.ts';
import { isRootAdmin } from '../access/credentials.ts';
import { LOGS } from './chain.ts';
import { verifyZone } from './verify.ts';
import { findChainEnds } from './zone-ends.sql.ts';

const HEADS_MOST = 100_000;

const head = z.object({ zone_id: z.string(), log: z.enum(LOGS), n: z.number(), hash: z.string() });

const verifyInput = z.object({
  all: z.boolean().default(false).describe('every zone, for an admin of zone root'),
  heads: z
    .array(head)
    .max(HEADS_MOST)
    .default([])
    .describe('heads that an earlier check told, which have to be there still'),
});
type VerifyInput = z.infer<typeof verifyInput>;

const problem = z.object({
  zone_id: z.string(),
  log: z.enum(LOGS),
  problem: z.string(),
  n: z.number(),
  to: z.number(),
  text: z.string(),
});

const report = z.object({
  zone_id: z.string(),
  log: z.enum(LOGS),
  rows: z.number(),
  pruned_to: z.number(),
  head,
  problems: z.number(),
});

const verifyOutput = z.object({ ok: z.boolean(), logs: z.array(report), problems: z.array(problem) });
type VerifyOutput = z.infer<typeof verifyOutput>;

export const auditVerify: Operation<VerifyInput, VerifyOutput> = {
  name: 'audit.verify',
  tool: 'verify_audit',
  summary: 'Check that no row of the audit log was changed, removed, inserted or moved.',
  effect: 'read',
  who: { role: 'admin' },
  heavy: true,
  anyZone: true,
  input: verifyInput,
  output: verifyOutput,
  faults: ['ACCESS_DENIED', 'ZONE_NOT_FOUND'],
  rpc: { name: 'audit_verify' },
  http: { method: 'POST', path: '/api/v2/audit/verify' },
  cli: { words: 'audit verify' },
  examples: [{ title: 'the zone', input: {} }],
  object: () => 'audit',
  prepare: async (input, { audit, context }) => {
    await audit.settle(context.zone_id);
    return input;
  },
  run: verify,
};

async function verify(call: Call, { all, heads }: VerifyInput): Promise<VerifyOutput> {
  const { tx, caller, context, auditKeys } = call;
  if (all && !isRootAdmin(caller)) {
    throw new Fault('ACCESS_DENIED', 'Access denied: all zones are checked by an admin of zone root', {
      role: caller.role,
      required_role: 'admin of zone root',
    });
  }
  const logs: z.infer<typeof report>[] = [];
  const problems: z.infer<typeof problem>[] = [];
  const zones = await findChainEnds(tx, all ? null : context.zone_id);
  for (const zone of zones) {
    const { zone_id } = zone;
    for (const one of await verifyZone({ tx, zone, keys: auditKeys, heads })) {
      const { log, rows, pruned_to } = one;
      logs.push({ zone_id, log, rows, pruned_to, head: { zone_id, log, ...one.head }, problems: one.found });
      problems.push(...one.problems.map((found) => ({ zone_id, log, ...found })));
    }
  }
  problems.push(...goneZones(all ? heads : heads.filter((one) => one.zone_id === context.zone_id), zones));
  return { ok: problems.length === 0, logs, problems };
}

/** A zone is never forgotten, so one that a head names is there. */
const goneZones = (
  heads: VerifyInput['heads'],
  zones: readonly { readonly zone_id: string }[],
): z.infer<typeof problem>[] =>
  heads
    .filter(({ zone_id }) => !zones.some((zone) => zone.zone_id === zone_id))
    .map(({ zone_id, log, n }) => ({
      zone_id,
      log,
      problem: 'missing',
      n: 1,
      to: n,
      text: `zone ${zone_id} is missing`,
    }));
