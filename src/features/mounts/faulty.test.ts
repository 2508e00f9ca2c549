/**
 * A store that misbehaves at every call of the port: it hangs, throws, answers garbage, loses an answer. None of it holds other
 * calls up, is shown to clients as anything but 503, or leaves our side in disorder.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Bare, openBare } from '../../../test/bare.ts';
import { newStore, type Store } from '../../../test/mounting.ts';
import { defaultLimits } from '../../base/limits.ts';
import { silentLog } from '../../base/log.ts';
import { localConnector } from '../../engines/local/local-connector.ts';
import { type Backend, BackendError, type Connector } from '../../ports/backend.ts';
import { withDetours } from '../../roof/detours.ts';
import { Outside } from './outside.ts';
import { sealOf } from './seal.ts';
import { OpenStores } from './stores.ts';

type Call = keyof Backend;
const CALLS = ['stat', 'list', 'open', 'write', 'remove', 'makeDirectory', 'removeDirectory', 'rename'] as const;

/** What a call of the store does instead of what it should. */
type Fault = 'hangs' | 'throws' | 'is broken' | 'gives garbage' | 'does it and loses the answer' | 'hangs half-way';

interface Sick {
  call: Call | undefined;
  fault: Fault;
}

/** Milliseconds that a call may take here. */
const CALL_MS = 120;

const never = (): Promise<never> => new Promise(() => undefined);

/** A store of the local connector that is sick where it is told to be. */
function sickConnector(sick: Sick): Connector {
  const local = localConnector({ roots: ['/'], own: '/nowhere', shared: true, severalNodes: () => false });
  return {
    ...local,
    open: async (config, signal) => {
      const opened = await local.open(config, signal);
      const backend = new Proxy(opened.backend, {
        get: (target, name: Call) => {
          const own = target[name] as (...args: unknown[]) => unknown;
          const healthy = own.bind(target);
          return sick.call === name
            ? (...args: unknown[]) => sicken(sick.fault, () => healthy(...args), name)
            : healthy;
        },
      });
      return { ...opened, backend };
    },
  };
}

function sicken(fault: Fault, healthy: () => unknown, name: Call): unknown {
  if (name === 'list') return sickList(fault, healthy() as AsyncIterable<unknown>);
  if (fault === 'throws') throw new TypeError('thrown, not rejected');
  if (fault === 'is broken') return Promise.reject(new BackendError('UNREACHABLE', 'is broken'));
  if (fault === 'gives garbage') return Promise.resolve({ entry: { path: 3 }, bytes: 7, kind: 'pipe', tag: null });
  if (fault === 'does it and loses the answer') {
    return Promise.resolve(healthy()).then(() => Promise.reject(new BackendError('UNREACHABLE', 'lost')));
  }
  if (fault === 'hangs half-way') return Promise.resolve(healthy()).then(never);
  return never();
}

async function* sickList(fault: Fault, pages: AsyncIterable<unknown>): AsyncIterable<unknown> {
  if (fault === 'hangs') await never();
  for await (const page of pages) {
    if (fault === 'gives garbage') {
      yield { entries: [{ path: '../../etc/passwd', kind: 'file', size: 1, modified_at: 1, tag: 't' }], left_out: 0 };
      yield { entries: [{ path: 'a\nb', kind: 'file', size: -1, modified_at: Number.NaN, tag: 't' }], left_out: 0 };
    }
    yield page;
  }
  if (fault === 'hangs half-way') await never();
  if (fault !== 'gives garbage') throw new BackendError('UNREACHABLE', 'is broken');
}

describe('a store that misbehaves', () => {
  let bare: Bare;
  let store: Store;
  let stores: OpenStores;
  const sick: Sick = { call: undefined, fault: 'throws' };
  beforeEach(async () => {
    sick.call = undefined;
    bare = await openBare();
    store = await newStore({ f: 'one', 'd/x': 'x', gone: 'gone' });
    const { tools } = bare.server.stores;
    stores = new OpenStores({ connectors: [sickConnector(sick)], seal: sealOf('secret'), tools, callMs: CALL_MS });
    const outside = new Outside({
      ...bare,
      stores,
      limits: defaultLimits,
      log: silentLog,
      checkOn: () => undefined,
      isOff: () => false,
    });
    Object.assign(bare.server, { stores, runner: withDetours(bare.server.runner, () => outside) });
    const form = { mount_point: '/m', backend_type: 'local', backend_config: { root_path: store.root } };
    await well('add_mount', form);
    await well('grep', { pattern: 'one' });
  });
  afterEach(async () => {
    await stores.close();
    await bare.close();
    await store.remove();
  });
  const outcome = async (method: string, params: object): Promise<string> => {
    try {
      await bare.call(method, params);
      return 'ok';
    } catch (thrown) {
      return thrown instanceof Error && 'code' in thrown ? String(thrown.code) : `bug: ${String(thrown)}`;
    }
  };
  const file = { path: '/m/f' };
  const below = { pattern: 'o', path: '/m' };
  /** What asks for each call of the port. */
  const ACTS: Readonly<Record<(typeof CALLS)[number], readonly (readonly [string, object])[]>> = {
    stat: [
      ['read', file],
      ['write', { ...file, content: 'two' }],
    ],
    list: [
      ['list', { path: '/m' }],
      ['grep', below],
      ['rmdir', { path: '/m/d', recursive: true }],
    ],
    open: [
      ['read', file],
      ['append', { ...file, content: 'more' }],
      ['grep', below],
    ],
    write: [
      ['write', { ...file, content: 'two' }],
      ['write', { path: '/m/new', content: 'new' }],
      ['write_batch', { files: ['/m/b1', '/m/f', '/m/b2'].map((path) => [path, path]) }],
    ],
    remove: [['delete', { path: '/m/gone' }]],
    makeDirectory: [['mkdir', { path: '/m/made' }]],
    removeDirectory: [['rmdir', { path: '/m/d', recursive: true }]],
    rename: [['rename', { old_path: '/m/f', new_path: '/m/moved' }]],
  };

  /** A store that hung is left alone for a moment, and on a busy machine a call may be late. */
  async function well<T>(method: string, params: object): Promise<T> {
    let answer: T | undefined;
    const asked = async (): Promise<string> => {
      try {
        answer = await bare.call<T>(method, params);
        return 'ok';
      } catch (thrown) {
        return String(thrown);
      }
    };
    await expect.poll(asked, { timeout: 20_000 }).toBe('ok');
    return answer as T;
  }

  /** Every row of ours agrees with the store, once it is well again. */
  async function isInOrder(): Promise<void> {
    sick.call = undefined;
    const { files } = await well<{ files: string[] }>('list', { path: '/m', recursive: true });
    const names = (await store.names()).map((name) => name.replace(/\/$/, ''));
    expect(files.map((path) => path.slice(3)).sort()).toEqual(names);
    for (const name of (await store.names()).filter((one) => !one.endsWith('/'))) {
      const { etag, size } = await well<{ etag: string; size: number }>('get_metadata', { path: `/m/${name}` });
      expect([name, size]).toEqual([name, Buffer.byteLength(await store.text(name))]);
      expect(etag).toMatch(/^[0-9a-f]{64}$/);
    }
    const intents = await bare.sql.read((tx) => tx.all('SELECT path FROM mount_intents'));
    expect(intents).toEqual([]);
  }

  const FAULTS: readonly Fault[] = [
    'hangs',
    'throws',
    'is broken',
    'gives garbage',
    'does it and loses the answer',
    'hangs half-way',
  ];
  test.each(CALLS)('%s: every fault is a 503, and order is kept', async (call) => {
    for (const fault of FAULTS) {
      for (const [method, params] of ACTS[call]) {
        sick.fault = fault;
        sick.call = call;
        const outside = bare.call('exists', { path: '/' });
        const ended = await outcome(method, params);
        expect([call, fault, method, ended]).toEqual([call, fault, method, expect.stringMatching(WELL)]);
        expect(await outside).toEqual({ exists: true });
        await store.put('f', 'one');
        await store.put('d/x', 'x');
        await store.put('gone', 'gone');
      }
      await isInOrder();
    }
  });

  /** What a client may be told; nothing of these is a defect of ours. */
  const WELL =
    /^(ok|UNAVAILABLE|CONFLICT|FILE_NOT_FOUND|ALREADY_EXISTS|NOT_A_DIRECTORY|IS_A_DIRECTORY|INVALID_PARAMS)$/;
});
