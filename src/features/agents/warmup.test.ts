/** A warmup that hangs, or is cut off: a check has its time, and so has the whole. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Bare, openBare } from '../../../test/bare.ts';
import { forEachEngine } from '../../../test/harness.ts';
import { invoke } from '../../core/invoke.ts';
import type { Server } from '../../core/server.ts';
import { SYSTEM } from '../access/credentials.ts';
import { beginWarmup, warmupAgent } from './warmup.operations.ts';

interface Status {
  readonly phase: string;
  readonly conditions: readonly { readonly type: string; readonly status: string; readonly message: string }[];
}

forEachEngine('a warmup', (engine) => {
  let bare: Bare;
  beforeAll(async () => {
    bare = await openBare(engine);
    await bare.call('register_agent', { agent_id: 'a', name: 'A' });
    await bare.call('agent_spec_put', { agent_id: 'a', agent_type: 't', capabilities: [] });
  });
  afterAll(() => bare.close());

  const status = (): Promise<Status> => bare.call('agent_status', { agent_id: 'a' });
  const request = {
    caller: SYSTEM,
    channel: 'internal',
    request_id: 'test',
    address: null,
    zone_id: undefined,
    tolerant: true,
  } as const;

  test('that is cut off runs for as long as it may, and no longer', async () => {
    expect((await status()).phase).toBe('pending');
    const { runner } = bare.server;
    const context = { ...request, zone_id: 'root', path_prefix: '', deadline: Number.POSITIVE_INFINITY };
    await runner.write(beginWarmup, { agent_id: 'a', ms: 1000 }, context);
    expect((await status()).phase).toBe('warming');
    bare.clock.set(bare.clock.now() + 1000);
    expect((await status()).phase).toBe('pending');
  });

  test('whose check hangs fails at it in its time', async () => {
    const { runner } = bare.server;
    const stuck: Server = {
      ...bare.server,
      runner: {
        ...runner,
        read: (operation, ready, context) =>
          operation.name === 'agent.warmup-check'
            ? new Promise(() => undefined)
            : runner.read(operation, ready, context),
      },
    };
    const raw = { agent_id: 'a', steps: [{ name: 'warm_access', timeout_seconds: 0.05 }, { name: 'load_spec' }] };
    const asked = { raw, request };
    await expect(invoke(stuck, warmupAgent as Parameters<typeof invoke>[1], asked)).rejects.toMatchObject({
      code: 'WARMUP_FAILED',
      data: { failed_step: 'warm_access', error: 'took longer than 0.05 s', steps_skipped: ['load_spec'] },
    });
    const { phase, conditions } = await status();
    expect(phase).toBe('pending');
    expect(conditions.find(({ type }) => type === 'Warm')).toMatchObject({
      status: 'False',
      message: 'warm_access: took longer than 0.05 s',
    });
    expect(await bare.call('agent_warmup', { agent_id: 'a' })).toMatchObject({ success: true });
    expect((await status()).phase).toBe('ready');
  });
});
