/**
 * The stores that this process has open. Guarantees: one backend for each mount, opened when it is first needed and again after
 * it could not be; a mount that is gone is closed soon after; what is wrong with a store is a fault that names its mount.
 */
import { strict as assert } from 'node:assert';
import { Fault } from '../../base/faults.ts';
import { parseJson } from '../../base/parse-json.ts';
import type { NewStore, Stores } from '../../core/call/outside.ts';
import type { ToolDesk } from '../../core/call/tool-desk.ts';
import {
  type Backend,
  type BackendConfig,
  BackendError,
  type Connector,
  type OpenBackend,
  type Place,
} from '../../ports/backend.ts';
import { BoundedBackend, CALL_MS } from './bounded.ts';
import type { MountRow } from './mounts.sql.ts';
import type { Seal } from './seal.ts';

export interface StoresParts {
  readonly connectors: readonly Connector[];
  readonly seal: Seal;
  readonly tools: ToolDesk;
  /** Milliseconds that a call of a store may take. */
  readonly callMs?: number;
}

/** Stores kept open; those that nobody asked for longest are closed. */
const OPEN_MOST = 200;

export class OpenStores implements Stores {
  readonly connectors: readonly Connector[];
  readonly tools: ToolDesk;
  private readonly sealer: Seal;
  private readonly ms: number;
  private readonly opened = new Map<string, Promise<Backend>>();

  constructor({ connectors, seal, tools, callMs = CALL_MS }: StoresParts) {
    this.connectors = connectors;
    this.tools = tools;
    this.sealer = seal;
    this.ms = callMs;
  }

  seal(secrets: BackendConfig, zone_id: string): string {
    return this.sealer.seal(JSON.stringify(secrets), zone_id);
  }

  unseal(sealed: string, zone_id: string): BackendConfig {
    return sealed === '' ? {} : (parseJson(this.sealer.open(sealed, zone_id)) as BackendConfig);
  }

  locate(connector: Connector, config: BackendConfig): Promise<Place> {
    const { making } = connector;
    return making ? this.inTime(() => making.placeOf(config)) : this.reach(connector, config);
  }

  /** Makes a store that is about to be mounted, where it is missing, and reaches for it. Gives what takes it away again. */
  async make(store: NewStore, zone_id: string): Promise<() => Promise<void>> {
    const { connector, config } = this.kindOf(store, zone_id);
    const { making } = connector;
    assert(making, `a ${connector.type} store is not made`);
    const undo = await this.inTime(
      () => making.make(config),
      (late) => late(),
    );
    try {
      const { path } = await this.reach(connector, config);
      if (path !== store.place.path) throw new BackendError('UNREACHABLE', 'was moved while it was mounted');
      return undo;
    } catch (thrown) {
      await undo();
      throw thrown;
    }
  }

  /** The backend of a mount. */
  async backendOf(row: MountRow): Promise<Backend> {
    const known = this.opened.get(row.mount_id);
    this.opened.delete(row.mount_id);
    const opening = known ?? this.openMount(row);
    this.opened.set(row.mount_id, opening);
    if (this.opened.size > OPEN_MOST) this.forget([...this.opened.keys()][0] ?? '');
    try {
      return await opening;
    } catch (thrown) {
      if (this.opened.get(row.mount_id) === opening) this.opened.delete(row.mount_id);
      throw thrown;
    }
  }

  /** Closes the store of a mount that is gone. */
  forget(mount_id: string): void {
    const known = this.opened.get(mount_id);
    this.opened.delete(mount_id);
    known?.then((backend) => backend.close()).catch(() => undefined);
  }

  async close(): Promise<void> {
    const all = [...this.opened.values()];
    this.opened.clear();
    await Promise.all([
      this.tools.close(),
      ...all.map((opening) => opening.then((backend) => backend.close()).catch(() => undefined)),
    ]);
  }

  private async openMount(row: MountRow): Promise<Backend> {
    const { connector, config } = this.kindOf(row, row.zone_id);
    const { backend } = await this.open(connector, config).catch((thrown: unknown) => {
      // It was taken when it was mounted, so it is the store that has changed, and not what a call asks for.
      if (!(thrown instanceof BackendError) || thrown.code !== 'REFUSED') throw thrown;
      throw new BackendError('UNREACHABLE', thrown.message, thrown);
    });
    return backend;
  }

  private kindOf(row: Sealed, zone_id: string): { readonly connector: Connector; readonly config: BackendConfig } {
    const connector = this.connectors.find(({ type }) => type === row.backend_type);
    if (!connector) throw new BackendError('UNREACHABLE', `no connector ${row.backend_type}`);
    const secrets = this.unseal(row.secrets, zone_id);
    return { connector, config: { ...(parseJson(row.config) as BackendConfig), ...secrets } };
  }

  /** Opens it for a moment. */
  private async reach(connector: Connector, config: BackendConfig): Promise<Place> {
    const { backend, place } = await this.open(connector, config);
    try {
      await backend.stat('', new AbortController().signal);
      return place;
    } finally {
      await backend.close();
    }
  }

  private async open(connector: Connector, config: BackendConfig): Promise<OpenBackend> {
    const { backend, place } = await this.inTime(
      (signal) => connector.open(config, signal),
      (late) => late.backend.close(),
    );
    return { backend: new BoundedBackend(backend, this.ms), place };
  }

  /** What comes too late is let go of. */
  private async inTime<T>(
    work: (signal: AbortSignal) => Promise<T>,
    letGo: (late: T) => Promise<void> = async () => undefined,
  ): Promise<T> {
    const abort = new AbortController();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(new BackendError('UNREACHABLE', 'did not answer in time'));
        abort.abort();
      }, this.ms);
    });
    const working = Promise.resolve().then(() => work(abort.signal));
    working.then((done) => (abort.signal.aborted ? letGo(done) : undefined)).catch(() => undefined);
    try {
      return await Promise.race([working, late]);
    } catch (thrown) {
      if (thrown instanceof Fault || thrown instanceof BackendError) throw thrown;
      throw new BackendError('UNREACHABLE', 'could not be opened', thrown);
    } finally {
      clearTimeout(timer);
    }
  }
}

type Sealed = Pick<MountRow, 'backend_type' | 'config' | 'secrets'>;
