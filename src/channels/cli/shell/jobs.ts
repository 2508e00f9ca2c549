/** Jobs, tasks, schedules and workers on the command line: tables of what matters, the whole of one with its attempts. */

import { plural } from '../../../base/plural.ts';
import type { JobObject } from '../../../features/jobs/job-object.ts';
import type { SubmitOutput } from '../../../features/jobs/job-submit.operations.ts';
import type { JobList } from '../../../features/jobs/jobs-api.operations.ts';
import type { ScheduleList } from '../../../features/jobs/schedules.operations.ts';
import type { TaskObject } from '../../../features/jobs/task-object.ts';
import type { TaskList, TypeList } from '../../../features/jobs/tasks.operations.ts';
import type { WorkerList } from '../../../features/jobs/workers.operations.ts';
import type { Command } from '../command.ts';
import { type Column, type Terminal, table } from '../terminal.ts';
import { fromNow, ofMost, took } from './job-texts.ts';
import { dim, jsonText, lines, number, shownBy, tell, words } from './views.ts';

const JOB_COLUMNS = [{ title: 'job' }, { title: 'type' }, words('status'), number('try'), { title: 'by' }, dim('when')];

const jobList = shownBy('job list', (terminal, answer: JobList) => {
  const now = Date.now();
  const rows = answer.jobs.map((job) => [
    job.job_id,
    job.job_type,
    job.status,
    ofMost(job.attempt_count, job.max_attempts),
    job.created_by,
    fromNow(job.updated_at, now),
  ]);
  tell(terminal, { columns: JOB_COLUMNS, rows });
  const last = answer.offset + rows.length;
  if (last < answer.total) terminal.err(`… ${last} of ${plural(answer.total, 'job')}, more: --offset ${last}\n`);
});

function oneJob(terminal: Terminal, job: JobObject): void {
  const now = Date.now();
  const waits = job.status === 'queued' || job.status === 'retry_wait';
  lines(terminal, {
    job: job.job_id,
    type: job.job_type,
    status: job.status,
    error: job.error_text ?? '',
    result: jsonText(job.result),
    payload: jsonText(job.payload),
    by: job.created_by,
    created: fromNow(job.created_at, now),
    'next try': waits ? fromNow(job.next_run_at, now) : '',
    'held by': job.lease_expires_at === null ? '' : (job.lease_owner ?? ''),
    key: job.idempotency_key ?? '',
  });
  if (job.attempts.length === 0) return;
  terminal.out('\n');
  const columns = [number('try'), words('status'), number('took'), dim('when'), { title: 'error' }];
  const rows = job.attempts.map((one) => [
    ofMost(one.attempt_number, job.max_attempts),
    one.status,
    took(one.runtime_ms),
    fromNow(one.finished_at ?? one.started_at, now),
    one.error_text ?? '',
  ]);
  table(terminal, columns, rows);
}

const submitted = shownBy('job submit', (terminal, answer: SubmitOutput) =>
  lines(terminal, {
    job: answer.job_id,
    type: answer.job_type,
    status: answer.status,
    note: answer.deduplicated ? 'the job that was submitted with this key before' : '',
  }),
);

const TASK_COLUMNS = [
  { title: 'task' },
  { title: 'executor' },
  { title: 'type' },
  words('status'),
  { title: 'priority' },
  number('try'),
  { title: 'by' },
  dim('when'),
];

const taskRow = (task: TaskObject, now: number): string[] => [
  task.task_id,
  task.executor,
  task.task_type,
  task.status,
  task.priority,
  ofMost(task.attempt, task.max_attempts),
  task.agent_id === null ? task.user_id : `${task.user_id} for ${task.agent_id}`,
  fromNow(task.completed_at ?? task.started_at ?? task.run_at, now),
];

const taskList = shownBy('scheduler list', (terminal, answer: TaskList) => {
  const now = Date.now();
  tell(terminal, { columns: TASK_COLUMNS, rows: answer.tasks.map((one) => taskRow(one, now)) }, answer.next_cursor);
});

const claimed = shownBy('scheduler claim', (terminal, { tasks }: Pick<TaskList, 'tasks'>) => {
  const now = Date.now();
  const columns = [...TASK_COLUMNS, number('token'), { title: 'payload' }];
  const rows = tasks.map((one) => [...taskRow(one, now), String(one.fencing_token ?? ''), jsonText(one.payload)]);
  tell(terminal, { columns, rows });
});

function oneTask(terminal: Terminal, task: TaskObject): void {
  const now = Date.now();
  lines(terminal, {
    task: task.task_id,
    executor: task.executor,
    type: task.task_type,
    status: task.status,
    error: task.error ?? '',
    result: jsonText(task.result),
    payload: jsonText(task.payload),
    priority: task.priority,
    by: task.agent_id === null ? task.user_id : `${task.user_id} for ${task.agent_id}`,
    created: fromNow(task.created_at, now),
    start: task.status === 'queued' ? fromNow(task.run_at, now) : '',
    deadline: fromNow(task.deadline, now),
    lease: task.lease_expires_at === null ? '' : `ends ${fromNow(task.lease_expires_at, now)}`,
    key: task.idempotency_key ?? '',
    note: task.deduplicated ? 'the task that was submitted with this key before' : '',
  });
  if (!task.attempts?.length) return;
  terminal.out('\n');
  const columns = [number('try'), words('status'), { title: 'held by' }, dim('when'), { title: 'error' }];
  const rows = task.attempts.map((one) => [
    ofMost(one.attempt, task.max_attempts),
    one.outcome,
    one.claimed_by,
    fromNow(one.finished_at ?? one.started_at, now),
    one.error ?? '',
  ]);
  table(terminal, columns, rows);
}

const types = shownBy('scheduler types', (terminal, answer: TypeList) =>
  tell(terminal, {
    columns: [{ title: 'type' }, dim('role'), { title: 'what it does' }],
    rows: answer.types.map(({ task_type, role, description }) => [task_type, role, description]),
  }),
);

const scheduleList = shownBy('schedule list', (terminal, answer: ScheduleList) => {
  const now = Date.now();
  const columns = ['schedule', 'name', 'cron', 'time zone', 'runs'].map((title) => ({ title }));
  const rows = answer.schedules.map((one) => [
    one.schedule_id,
    one.name,
    one.cron,
    one.timezone,
    `${one.executor} ${one.task_type}`,
    one.enabled ? fromNow(one.next_run_at, now) : 'off',
    fromNow(one.last_run_at, now),
    one.skipped_total > 0 ? String(one.skipped_total) : '',
  ]);
  const more: Column[] = [{ title: 'next' }, dim('last'), number('skipped')];
  tell(terminal, { columns: [...columns, ...more], rows }, answer.next_cursor);
});

const workerList = shownBy('worker list', (terminal, { workers }: WorkerList) => {
  const now = Date.now();
  tell(terminal, {
    columns: [
      { title: 'worker' },
      { title: 'kind' },
      words('status'),
      number('busy'),
      number('done'),
      number('failed'),
      dim('since'),
      dim('heard'),
    ],
    rows: workers.map((one) => [
      one.worker_id,
      one.kind,
      one.status,
      ofMost(one.running_jobs.length, one.slots),
      String(one.processed),
      String(one.failed),
      fromNow(one.started_at, now),
      fromNow(one.last_heartbeat_at, now),
    ]),
  });
});

export const jobCommands: readonly Command[] = [
  jobList,
  submitted,
  ...['job get', 'job cancel', 'job retry'].map((line) => shownBy(line, oneJob)),
  taskList,
  claimed,
  ...['submit', 'get', 'complete', 'fail'].map((verb) => shownBy(`scheduler ${verb}`, oneTask)),
  shownBy('schedule run', oneTask),
  types,
  scheduleList,
  workerList,
];
