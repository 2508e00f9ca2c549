/** The plugin registry (infrastructure.md §10): profiles, reasons, what a failing plugin costs, health, figures, spans. */
import { expect, test } from 'vitest';
import type { EndedSpan } from '../../../core/call/tracing.ts';
import { deterministic, MODALITIES, mlStub, type Plugin, type PluginTask } from './plugin.ts';
import { pluginRegistry, pluginsOf } from './registry.ts';

const TASK: PluginTask = { layer: 'token', modality: 'text', text: 'a b', output: { n: 2 }, confidence: 0.72 };

function registryOf(plugins: readonly Plugin[], timeoutMs?: number) {
  const ran: string[] = [];
  const logged: object[] = [];
  const spans: EndedSpan[] = [];
  const registry = pluginRegistry({
    plugins,
    log: (level, event, fields) => logged.push({ level, event, ...fields }),
    ran: (plugin, outcome) => ran.push(`${plugin} ${outcome}`),
    spans: (span) => spans.push(span),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  });
  return { registry, ran, logged, spans };
}

const broken = (name: string, run: Plugin['run'], more: Partial<Plugin> = {}): Plugin => ({
  ...deterministic,
  name,
  run,
  ...more,
});

test.each([
  [null, ['deterministic']],
  [undefined, ['deterministic']],
  ['deterministic', ['deterministic']],
  ['who knows', ['deterministic']],
  ['constructor', ['deterministic']],
  [' ML_First ', ['ml_stub', 'deterministic']],
  ['ml_only', ['ml_stub']],
])('profile %j asks %j', (profile, names) => {
  expect(pluginsOf(profile)).toEqual(names);
});

test('the baseline is answered unchanged, with the confidence of its layer or the usual one', async () => {
  const { registry, ran } = registryOf([deterministic]);
  const provided = { provider_name: 'deterministic', provider_version: 'v2.0', fallback_reason: null, skipped: [] };
  const answer = await registry.run(null, TASK);
  expect(answer).toEqual({ output: { n: 2 }, confidence: 0.72, runtime_ms: expect.any(Number), ...provided });
  expect(Number.isInteger(answer.runtime_ms)).toBe(true);
  expect((await registry.run(null, { ...TASK, confidence: undefined })).confidence).toBe(0.65);
  expect(ran).toEqual(['deterministic ok', 'deterministic ok']);
});

test.each([
  [0.72, 0.82],
  [0.59, 0.69],
  [0.9, 0.95],
])('with ML on, confidence %d becomes %d and the output says so', async (confidence, more) => {
  const { registry } = registryOf([deterministic, mlStub(true)]);
  const answer = await registry.run('ml_first', { ...TASK, confidence });
  expect(answer).toMatchObject({
    output: { n: 2, provider_note: 'ml_stub_enrichment' },
    confidence: more,
    provider_name: 'ml_stub',
    provider_version: 'v0.1',
    fallback_reason: null,
  });
});

test('with ML off it falls back, and says why; with nobody left the baseline stands', async () => {
  const { registry, ran } = registryOf([deterministic, mlStub(false)]);
  const reason = 'plugin_unsupported:ml_stub';
  expect(await registry.run('ml_first', TASK)).toMatchObject({
    provider_name: 'deterministic',
    fallback_reason: reason,
    skipped: [reason],
  });
  const nobody = { output: { n: 2 }, provider_name: 'deterministic', provider_version: 'v2.0', runtime_ms: 0 };
  const failed = { ...nobody, fallback_reason: 'all_plugins_failed', skipped: [reason] };
  expect(await registry.run('ml_only', TASK)).toEqual({ ...failed, confidence: 0.72 });
  expect(await registry.run('ml_only', { ...TASK, confidence: undefined })).toEqual({ ...failed, confidence: 0 });
  expect(ran).toEqual(['ml_stub unsupported', 'deterministic ok', 'ml_stub unsupported', 'ml_stub unsupported']);
  expect(() => mlStub(false).run(TASK, new AbortController().signal)).toThrow('ML plugin disabled by feature flag');
  expect(registry.health()).toEqual({ deterministic: true, ml_stub: false });
});

test('ML supports all modalities but binary, the baseline all', () => {
  expect(MODALITIES.filter((modality) => !mlStub(true).supports('token', modality))).toEqual(['binary']);
  expect(MODALITIES.filter((modality) => mlStub(false).supports('token', modality))).toEqual([]);
  expect(MODALITIES.filter((modality) => !deterministic.supports('token', modality))).toEqual([]);
});

test('a plugin that throws, rejects, hangs or is not there costs no run; each leaves its reason, its line and its span', async () => {
  const hangs = Promise.withResolvers<AbortSignal>();
  const cases: readonly (readonly [readonly Plugin[], string, string])[] = [
    [
      [
        broken('ml_stub', () => {
          throw new Error('model missing');
        }),
      ],
      'ml_stub:model missing',
      'failed',
    ],
    [[broken('ml_stub', () => Promise.reject(new Error('no memory')))], 'ml_stub:no memory', 'failed'],
    [
      [
        broken('ml_stub', (_task, signal) => {
          hangs.resolve(signal);
          return new Promise(() => undefined);
        }),
      ],
      'ml_stub:timed out',
      'failed',
    ],
    [
      [
        broken('ml_stub', () => TASK as never, {
          healthy: () => {
            throw new Error('x');
          },
        }),
      ],
      'plugin_unsupported:ml_stub',
      'unsupported',
    ],
    [[], 'plugin_not_found:ml_stub', 'missing'],
  ];
  for (const [plugins, reason, outcome] of cases) {
    const { registry, ran, logged, spans } = registryOf([...plugins, deterministic], 20);
    const answer = await registry.run('ml_first', TASK, `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`);
    expect(answer).toMatchObject({ provider_name: 'deterministic', fallback_reason: reason, skipped: [reason] });
    expect(ran).toEqual([`ml_stub ${outcome}`, 'deterministic ok']);
    const failed = outcome === 'failed';
    expect(logged).toEqual(
      failed
        ? [{ level: 'warn', event: 'plugin.failed', plugin: 'ml_stub', layer: 'token', err: reason.slice(8) }]
        : [],
    );
    expect(
      spans.map(({ name, attributes }) => [name, attributes['nexus.plugin'], attributes['nexus.outcome']]),
    ).toEqual([...(failed ? [['plugin.run', 'ml_stub', 'failed']] : []), ['plugin.run', 'deterministic', 'ok']]);
  }
  expect((await hangs.promise).aborted).toBe(true);
});
