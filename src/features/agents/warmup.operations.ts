/**
 * Warmup (platform.md §1.4): is all there that an agent needs? Guarantees: each check looks at what is really there; what
 * it found is a condition of the agent from the answer on, a failure too; one that is cut off leaves a condition as it was
 * and is over when its time is.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { Fault, type FaultData } from '../../base/faults.ts';
import type { Call, Operation, Preparation } from '../../core/operation.ts';
import { askAboutSubject } from '../access/check.ts';
import { limitsOf } from '../zones/quota.ts';
import { reservedBytes } from '../zones/usage.sql.ts';
import { specOf } from './agent-object.ts';
import { type AgentRow, findAgent, saveLife, saveWarm } from './agents.sql.ts';
import { hasWorkingKey } from './claims.sql.ts';
import { isForPresentSpec } from './conditions.ts';
import { agentId, generation, OPERATOR, ROOT } from './params.ts';
import { tellAgent } from './register.operations.ts';
import { getChangeable } from './rights.ts';

const STEPS = ['load_spec', 'check_quota', 'warm_access', 'check_key'] as const;
type StepName = (typeof STEPS)[number];
const STEP_SECONDS = 30;
const STEP_SECONDS_MAX = 300;
const STEPS_MAX = 16;

const stepParam = z.object({
  name: z.enum(STEPS),
  timeout_seconds: z.number().min(0.001).max(STEP_SECONDS_MAX).default(STEP_SECONDS),
  required: z.boolean().default(true),
});
type Step = z.infer<typeof stepParam>;

/** An agent may do without a key of its own, unless that is asked for. */
const allSteps = (): Step[] =>
  STEPS.map((name) => ({ name, timeout_seconds: STEP_SECONDS, required: name !== 'check_key' }));

const warmupInput = z.object({
  agent_id: agentId,
  steps: z.array(stepParam).min(1).max(STEPS_MAX).optional().describe('which checks; all unless given'),
});
type WarmupInput = z.infer<typeof warmupInput>;

const stepNames = z.array(z.enum(STEPS));
const warmupOutput = z.object({
  success: z.boolean(),
  agent_id: z.string(),
  steps_completed: stepNames,
  steps_skipped: stepNames,
  failed_step: z.enum(STEPS).nullable(),
  error: z.string().nullable(),
  duration_ms: z.number(),
});
type WarmupOutput = z.infer<typeof warmupOutput>;

/** What the steps of a warmup share: no door of their own, the rights of the call. */
const PART = { who: OPERATOR, internal: true, faults: [] } as const;

const beginInput = z.object({ agent_id: agentId, ms: z.number() });
const begun = z.object({ spec_generation: z.number() });

export const beginWarmup: Operation<z.infer<typeof beginInput>, z.infer<typeof begun>> = {
  ...PART,
  name: 'agent.warmup-begin',
  summary: 'Note that an agent is warming up.',
  effect: 'write',
  input: beginInput,
  output: begun,
  run: async (call, { agent_id, ms }) => {
    const row = await getChangeable(call, agent_id, findAgent);
    await saveWarm(call.tx, { ...row, warming_until: call.now + ms });
    return { spec_generation: row.spec_generation };
  },
};

const checkInput = z.object({ agent_id: agentId, name: z.enum(STEPS) });
/** What is missing; null where nothing is. */
const missing = z.string().nullable();

export const checkWarmup: Operation<z.infer<typeof checkInput>, z.infer<typeof missing>> = {
  ...PART,
  name: 'agent.warmup-check',
  summary: 'Make one of the checks of a warmup.',
  effect: 'read',
  input: checkInput,
  output: missing,
  run: async (call, { agent_id, name }) => {
    const row = await findAgent(call.tx, call.zone.zone_id, agent_id);
    return row ? CHECKS[name](call, row) : 'the agent was deleted';
  },
};

type Check = (call: Call, row: AgentRow) => Promise<string | null>;

const CHECKS: Readonly<Record<StepName, Check>> = {
  load_spec: async (_call, row) => (specOf(row) ? null : 'no spec was given yet; put one'),
  check_quota: async ({ tx, zone }, row) => {
    const wanted = specOf(row)?.resource_requests.storage_limit_mb ?? 0;
    const limit = limitsOf(zone).max_storage_bytes ?? 0;
    const used = zone.used_storage_bytes + (await reservedBytes(tx, zone));
    const free = limit === 0 ? Number.POSITIVE_INFINITY : Math.max(0, limit - used);
    if (wanted * MiB <= free) return null;
    return `the spec requests ${wanted} MiB of storage, the zone has ${Math.floor(free / MiB)} MiB free`;
  },
  warm_access: async (call, { agent_id }) => {
    await askAboutSubject(call, { zone: call.zone, subject: ['agent', agent_id] });
    return null;
  },
  check_key: async ({ tx, zone, now }, { agent_id }) =>
    (await hasWorkingKey(tx, { zone_id: zone.zone_id, agent_id, now })) ? null : 'no working key has it as its subject',
};
const MiB = 1024 * 1024;

const endInput = z.object({
  agent_id: agentId,
  spec_generation: generation,
  failed_step: z.enum(STEPS).nullable(),
  error: z.string().nullable(),
});

/** Notes what came of it; one that failed leaves an agent that is not warm, and no event. */
export const endWarmup: Operation<z.infer<typeof endInput>, null> = {
  ...PART,
  name: 'agent.warmup-end',
  summary: 'Note what came of a warmup.',
  effect: 'write',
  input: endInput,
  output: z.null(),
  run: async (call, { agent_id, spec_generation, failed_step, error }) => {
    const row = await getChangeable(call, agent_id, findAgent);
    const status = failed_step === null ? 'True' : 'False';
    const lasts = row.warm_status === status && isForPresentSpec(row) && row.spec_generation === spec_generation;
    await saveWarm(call.tx, {
      ...row,
      warm_status: status,
      warm_reason: failed_step === null ? 'Warmed' : 'StepFailed',
      warm_message: failed_step === null ? 'All required checks passed' : `${failed_step}: ${error}`,
      warm_generation: spec_generation,
      warm_at: lasts ? row.warm_at : call.now,
      cooled_at: row.spec_generation === spec_generation ? null : call.now,
      warming_until: null,
    });
    if (failed_step !== null) return null;
    await saveLife(call.tx, row, { ...row, observed_generation: spec_generation });
    tellAgent(call, 'agent.warmed', { agent_id, spec_generation });
    return null;
  },
};

interface Ready {
  readonly done: WarmupOutput;
  readonly spec_generation: number;
}

/** What it found good is noted with its answer; what failed before, since the answer to that is a fault. */
export const warmupAgent: Operation<WarmupInput, WarmupOutput, Ready> = {
  name: 'agent.warmup',
  summary: 'Check that all is there that an agent needs.',
  effect: 'write',
  who: OPERATOR,
  input: warmupInput,
  output: warmupOutput,
  faults: ['AGENT_NOT_FOUND', 'ACCESS_DENIED', 'WARMUP_FAILED'],
  rpc: { name: 'agent_warmup' },
  http: { method: 'POST', path: `${ROOT}/:agent_id/warmup`, tolerant: true },
  cli: { words: 'agent warmup', args: ['agent_id'] },
  object: ({ done: { agent_id } }) => `agent:${agent_id}`,
  prepare: warm,
  run: async (call, { done, spec_generation }) => {
    if (done.success) {
      await endWarmup.run(call, { ...done, spec_generation });
      return done;
    }
    const data: FaultData = done;
    throw new Fault(
      'WARMUP_FAILED',
      `Warmup of agent ${done.agent_id} failed at ${done.failed_step}: ${done.error}`,
      data,
    );
  },
};

async function warm({ agent_id, steps = allSteps() }: WarmupInput, preparation: Preparation): Promise<Ready> {
  const from = performance.now();
  const ms = steps.reduce((sum, { timeout_seconds }) => sum + timeout_seconds * 1000, 0);
  const { spec_generation } = await preparation.run(beginWarmup, { agent_id, ms: Math.ceil(ms) });
  const completed: StepName[] = [];
  const skipped: StepName[] = [];
  let failed: { readonly step: StepName; readonly error: string } | undefined;
  for (const step of steps) {
    const error = failed ? null : await lacking(step, agent_id, preparation);
    if (failed || (error !== null && !step.required)) skipped.push(step.name);
    else if (error === null) completed.push(step.name);
    else failed = { step: step.name, error };
  }
  const outcome = { failed_step: failed?.step ?? null, error: failed?.error ?? null };
  if (failed) await preparation.run(endWarmup, { agent_id, spec_generation, ...outcome });
  const done = {
    success: failed === undefined,
    agent_id,
    steps_completed: completed,
    steps_skipped: skipped,
    ...outcome,
    duration_ms: Math.round(performance.now() - from),
  };
  return { done, spec_generation };
}

/** What a step finds missing, or that it took too long. */
async function lacking(
  { name, timeout_seconds }: Step,
  agent_id: string,
  { run }: Preparation,
): Promise<string | null> {
  const over = new AbortController();
  const late = sleep(timeout_seconds * 1000, `took longer than ${timeout_seconds} s`, { signal: over.signal });
  // Whichever comes second is not waited for.
  late.catch(() => undefined);
  const found = run(checkWarmup, { agent_id, name }).catch((thrown: unknown) => {
    if (thrown instanceof Fault) return thrown.message;
    throw thrown;
  });
  try {
    return await Promise.race([found, late]);
  } finally {
    over.abort();
    found.catch(() => undefined);
  }
}
