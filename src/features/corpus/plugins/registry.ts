/**
 * Which plugin answers for a layer (infrastructure.md §10). Guarantees: a plugin that fails, hangs or throws never fails the
 * run: the next one of the profile is asked, and if there is none the layer's own answer stands; every plugin that was
 * passed over left its reason.
 */
import type { Log } from '../../../base/log.ts';
import { type EndedSpan, spanTime } from '../../../core/call/tracing.ts';
import { deterministic, type Plugin, type PluginAnswer, type PluginTask } from './plugin.ts';

/** Milliseconds of one run. */
const TIMEOUT_MS = 30_000;

const PROFILES: Readonly<Record<string, readonly string[]>> = {
  ml_first: ['ml_stub', 'deterministic'],
  ml_only: ['ml_stub'],
};
const USUAL = ['deterministic'];

/** Names of plugins in their order; a profile that nobody knows is the usual one. */
export const pluginsOf = (profile: string | null | undefined): readonly string[] => {
  const name = profile?.trim().toLowerCase() ?? '';
  return Object.hasOwn(PROFILES, name) ? (PROFILES[name] ?? USUAL) : USUAL;
};

export type PluginOutcome = 'ok' | 'unsupported' | 'failed' | 'missing';

export interface RegistryParts {
  readonly plugins: readonly Plugin[];
  readonly log: Log;
  /** Counts. */
  readonly ran: (plugin: string, outcome: PluginOutcome) => void;
  /** Given the span of each run, where the analysis is traced. */
  readonly spans?: ((span: EndedSpan) => void) | undefined;
  readonly timeoutMs?: number;
}

export interface Provenance {
  readonly provider_name: string;
  readonly provider_version: string;
  /** Whole milliseconds. */
  readonly runtime_ms: number;
  /** Reasons of those that were passed over, joined by `;`. */
  readonly fallback_reason: string | null;
  readonly skipped: readonly string[];
}

export type Provided = PluginAnswer & Provenance;

export interface Registry {
  run(profile: string | null | undefined, task: PluginTask, traceparent?: string): Promise<Provided>;
  health(): Readonly<Record<string, boolean>>;
}

export function pluginRegistry(parts: RegistryParts): Registry {
  const byName = new Map(parts.plugins.map((plugin) => [plugin.name, plugin]));
  return {
    health: () => Object.fromEntries(parts.plugins.map((plugin) => [plugin.name, isHealthy(plugin)])),
    run: async (profile, task, traceparent) => {
      const skipped: string[] = [];
      for (const name of pluginsOf(profile)) {
        const tried = await attempt(parts, { plugin: byName.get(name), name, task, traceparent });
        parts.ran(name, tried.outcome);
        if ('reason' in tried) skipped.push(tried.reason);
        else return { ...tried.provided, fallback_reason: skipped.length > 0 ? skipped.join(';') : null, skipped };
      }
      const { output, confidence = 0 } = task;
      const { name: provider_name, version: provider_version } = deterministic;
      const none = { provider_name, provider_version, runtime_ms: 0, fallback_reason: 'all_plugins_failed' };
      return { output, confidence, ...none, skipped };
    },
  };
}

interface Trying {
  readonly plugin: Plugin | undefined;
  readonly name: string;
  readonly task: PluginTask;
  readonly traceparent: string | undefined;
}

type Tried =
  | {
      readonly outcome: 'ok';
      readonly provided: PluginAnswer & Pick<Provenance, 'provider_name' | 'provider_version' | 'runtime_ms'>;
    }
  | { readonly outcome: Exclude<PluginOutcome, 'ok'>; readonly reason: string };

async function attempt(parts: RegistryParts, { plugin, name, task, traceparent }: Trying): Promise<Tried> {
  if (!plugin) return { outcome: 'missing', reason: `plugin_not_found:${name}` };
  const began = spanTime();
  const tried = await runOne(parts, plugin, task);
  if (traceparent !== undefined && tried.outcome !== 'unsupported') {
    const attributes = { 'nexus.plugin': name, 'nexus.layer': task.layer, 'nexus.outcome': tried.outcome };
    const failed = tried.outcome === 'ok' ? undefined : 'PLUGIN_FAILED';
    parts.spans?.({ name: 'plugin.run', parent: traceparent, began, ended: spanTime(), attributes, failed });
  }
  return tried;
}

async function runOne(
  { log, timeoutMs = TIMEOUT_MS }: RegistryParts,
  plugin: Plugin,
  task: PluginTask,
): Promise<Tried> {
  const { name: provider_name, version: provider_version } = plugin;
  const began = performance.now();
  try {
    if (!isHealthy(plugin) || !plugin.supports(task.layer, task.modality)) {
      return { outcome: 'unsupported', reason: `plugin_unsupported:${provider_name}` };
    }
    const { output, confidence } = await withinTime(timeoutMs, (signal) => plugin.run(task, signal));
    const runtime_ms = Math.round(performance.now() - began);
    return { outcome: 'ok', provided: { output, confidence, provider_name, provider_version, runtime_ms } };
  } catch (thrown) {
    const err = thrown instanceof Error ? thrown.message : String(thrown);
    log('warn', 'plugin.failed', { plugin: provider_name, layer: task.layer, err });
    return { outcome: 'failed', reason: `${provider_name}:${err}` };
  }
}

/** One that cannot say so is not. */
function isHealthy(plugin: Plugin): boolean {
  try {
    return plugin.healthy();
  } catch {
    return false;
  }
}

async function withinTime<T>(ms: number, work: (signal: AbortSignal) => T | Promise<T>): Promise<T> {
  const over = new AbortController();
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    const reason = new Error('timed out');
    reject(reason);
    over.abort(reason);
  }, ms);
  try {
    return await Promise.race([work(over.signal), late]);
  } finally {
    clearTimeout(timer);
  }
}
