/** The cases of tasks, schedules, jobs and workers. What an admin of the zone made, others of it do not see. */
import type { At, Case, Cases, Input } from './cases.ts';

const always = (input: Input = {}): readonly Case[] => [{ level: 'nothing', input: () => input }];

const adminOnly = (without: string, input: (at: At) => Promise<Input>): readonly Case[] => [
  { level: 'admin', without, input },
];

/** Of what another holds: who sees it is told so, and an admin too can do nothing. */
const holderOnly = (input: (at: At) => Promise<Input>): readonly Case[] => [
  { level: 'admin', without: 'TASK_NOT_FOUND', ends: 'CONFLICT', input },
];

const TASK = { executor: 'outside', task_type: 't' };
const SCHEDULE = { name: 's', cron: '@yearly', ...TASK };

const someTask = async ({ rest }: At): Promise<string> => String((await rest('/api/v2/scheduler/submit', TASK)).id);
const someSchedule = async ({ rest }: At): Promise<string> =>
  String((await rest('/api/v2/scheduler/schedules', SCHEDULE)).id);
const someJob = async ({ rest }: At): Promise<string> =>
  String((await rest('/api/v1/jobs/submit', { job_type: 'echo', payload: { value: 1 } })).job_id);

/** A task that another admin has claimed, by its first token. */
async function heldTask(at: At): Promise<Input> {
  const executor = `outside-${at.n}`;
  const { id } = await at.rest('/api/v2/scheduler/submit', { ...TASK, executor });
  await at.rest('/api/v2/scheduler/claim', { executor, lease_seconds: 3600 });
  return { id, fencing_token: 1 };
}

async function deadJob(at: At): Promise<Input> {
  const id = await someJob(at);
  await at.rest(`/api/v1/jobs/${id}/cancel`, {});
  return { id };
}

export const JOB_CASES: Cases = {
  'task.submit': always(TASK),
  'task.get': adminOnly('TASK_NOT_FOUND', async (at) => ({ id: await someTask(at) })),
  'task.list': always(),
  'task.cancel': [{ level: 'nothing', input: async (at) => ({ id: await someTask(at) }) }],
  'task.classify': always(),
  'task.metrics': always(),
  'task.types': always(),
  'task.claim': always({ executor: 'outside', lease_seconds: 3600 }),
  'task.heartbeat': holderOnly(heldTask),
  'task.complete': holderOnly(heldTask),
  'task.fail': holderOnly(async (at) => ({ ...(await heldTask(at)), error: 'no luck' })),
  'schedule.create': always(SCHEDULE),
  'schedule.list': always(),
  'schedule.get': adminOnly('SCHEDULE_NOT_FOUND', async (at) => ({ id: await someSchedule(at) })),
  'schedule.update': adminOnly('SCHEDULE_NOT_FOUND', async (at) => ({ id: await someSchedule(at), name: 'renamed' })),
  'schedule.delete': adminOnly('SCHEDULE_NOT_FOUND', async (at) => ({ id: await someSchedule(at) })),
  'schedule.run': adminOnly('SCHEDULE_NOT_FOUND', async (at) => ({ id: await someSchedule(at) })),
  'job.submit': always({ job_type: 'echo', payload: { value: 1 } }),
  'job.list': always(),
  'job.get': [{ level: 'nothing', input: async (at) => ({ id: await someJob(at) }) }],
  'job.cancel': [{ level: 'nothing', input: async (at) => ({ id: await someJob(at) }) }],
  'job.retry': [{ level: 'nothing', input: deadJob }],
  'worker.list': always(),
};
