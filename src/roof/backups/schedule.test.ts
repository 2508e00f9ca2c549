/** Backups that nobody asks for: once per cluster, told of where they succeed and where they fail. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type AgentServer, startAgentServer } from '../../../test/agent-server.ts';
import { forEachEngine } from '../../../test/harness.ts';
import { keepPlan, readPlan } from '../../features/backups/plan.ts';
import { saveRun } from '../../features/backups/runs.sql.ts';
import { newRun } from '../../features/backups/runs.ts';
import { backupDue } from '../../features/backups/steps.operations.ts';
import { systemSteps } from '../system.ts';

const ROOT = '/api/v2/backups';
/** More than a year, and less than what is remembered of backups. */
const LONG_MS = 380 * 86_400_000;

forEachEngine('scheduled backups', (engine) => {
  const place = mkdtempSync(join(tmpdir(), 'nexus-schedule-'));
  const destination = join(place, 'depot');
  let at: AgentServer;
  let nodes: AgentServer[];
  beforeAll(async () => {
    at = await startAgentServer(engine);
    // Only PostgreSQL has room for another.
    const environment = { NEXUS_DATABASE_URL: at.server.config.DATABASE_URL };
    nodes = engine === 'postgres' ? [at, await startAgentServer(engine, environment)] : [at];
  });
  afterAll(async () => {
    for (const node of nodes.toReversed()) await node.server.stop();
    rmSync(place, { recursive: true });
  });
  const figure = async (name: string): Promise<number> => {
    const text = await (await at.server.http('/metrics')).text();
    return Number(new RegExp(`^nexus_backup_${name} (.*)$`, 'm').exec(text)?.[1]);
  };
  const scheduled = async () =>
    at.server.sql.read((tx) =>
      tx.all<{ status: string }>("SELECT status FROM backup_runs WHERE reason = 'schedule' ORDER BY created_at"),
    );
  /** As if no server had been there since. */
  const missed = (since: number): Promise<void> =>
    at.server.sql.write('root', async (tx) => {
      await tx.run('DELETE FROM backup_runs');
      const run = newRun({ backup_id: 'bk-long-ago', reason: 'schedule', destination }, since);
      await saveRun(tx, { ...run, status: 'succeeded', ended_at: since });
      await keepPlan(tx, { ...(await readPlan(tx, destination)), since });
    });
  const ended = async (): Promise<string[]> => {
    for (;;) {
      const [, ...made] = await scheduled();
      if (made.length > 0 && made.every(({ status }) => status === 'succeeded' || status === 'failed')) {
        return made.map(({ status }) => status);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  // So that none falls due by itself while this runs.
  const plan = { schedule: '0 0 1 1 *', destination, retention_days: 1 };

  test('are made once, however many were missed and however many servers there are', { timeout: 60_000 }, async () => {
    expect(await figure('last_success_timestamp_seconds')).toBe(0);
    const set = await at.ask('PUT', `${ROOT}/config`, plan);
    expect(set).toMatchObject({ status: 200, body: { ...plan, timezone: 'UTC', enabled: true } });
    expect(Object.keys(set.body)).not.toContain('since');
    expect(await figure('scheduled')).toBe(1);
    await missed(Date.now() - LONG_MS);
    const began = Date.now() / 1000 - 60;
    expect(await ended()).toEqual(['succeeded']);
    const { body } = await at.ask('GET', ROOT);
    expect(body).toMatchObject({ overdue: false, backups: [{ status: 'succeeded', reason: 'schedule' }] });
    expect(await figure('last_success_timestamp_seconds')).toBeGreaterThan(began);
    expect(await figure('last_failure_timestamp_seconds')).toBe(0);
  });

  test('that fail leave an event and a figure, and one that is missing is told', { timeout: 60_000 }, async () => {
    rmSync(destination, { recursive: true });
    writeFileSync(destination, 'no directory');
    await missed(Date.now() - LONG_MS);
    expect(await ended()).toEqual(['failed']);
    expect(await figure('last_failure_timestamp_seconds')).toBeGreaterThan(
      await figure('last_success_timestamp_seconds'),
    );
    const { body } = await at.ask('GET', '/api/v2/events?limit=1000');
    const types = (body.events as { type: string }[]).map(({ type }) => type).filter((type) => /^backup/.test(type));
    expect(types).toEqual(['backup.failed', 'backup.completed']);
    rmSync(destination);
    const listed = await at.ask('GET', ROOT);
    expect(listed.body).toMatchObject({ overdue: true, backups: [{ status: 'failed' }] });
  });

  test('are not made for what lies before their schedule was set', { timeout: 60_000 }, async () => {
    rmSync(destination, { recursive: true, force: true });
    await missed(Date.now() - LONG_MS);
    expect(await ended()).toEqual(['succeeded']);
    const due = () => systemSteps(at.server.running.server.runner)(backupDue, 'root', { destination });
    const monthly = { ...plan, schedule: '0 0 1 * *' };
    await at.server.sql.write('root', (tx) => tx.run('UPDATE backup_runs SET created_at = ?', [Date.now() - LONG_MS]));
    expect((await at.ask('PUT', `${ROOT}/config`, monthly)).status).toBe(200);
    expect(await due()).toBe(false);
    expect((await at.ask('GET', ROOT)).body).toMatchObject({ overdue: false });
    // The same schedule again is not set anew.
    await missed(Date.now() - LONG_MS);
    expect((await at.ask('PUT', `${ROOT}/config`, monthly)).status).toBe(200);
    expect(await ended()).toEqual(['succeeded']);
  });
});
