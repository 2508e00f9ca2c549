/**
 * The stores that this process has open. Guarantees: one backend for each mount, opened when it is first needed and again after
 * it could not be; a mount that is gone is closed soon after; what is wrong with a store is a fault that names its mount.
 */
import { Fault } from '../../base/faults.ts';
import { parseJson } from '../../base/parse-json.ts';
import type { Stores, Visited } from '../../core/call/outside.ts';
import type { ToolDesk } from '../../core/call/tool-desk.ts';
import {
  type Backend,
  type BackendConfig,
  BackendError,
  type Connector,
  type OpenBackend,
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

  async visit<T>(connector: Connector, config: BackendConfig, use: (visited: Visited) => Promise<T>): Promise<T> {
    const { backend, place } = await this.open(connector, config, true);
    try {
      return await use({ backend, place });
    } finally {
      await backend.close();
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
    const connector = this.connectors.find(({ type }) => type === row.backend_type);
    if (!connector) throw new BackendError('UNREACHABLE', `no connector ${row.backend_type}`);
    const secrets = this.unseal(row.secrets, row.zone_id);
    const config = { ...(parseJson(row.config) as BackendConfig), ...secrets };
    return (await this.open(connector, config, false)).backend;
  }

  private async open(connector: Connector, config: BackendConfig, make: boolean): Promise<OpenBackend> {
    const abort = new AbortController();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(new BackendError('UNREACHABLE', 'did not answer in time'));
        abort.abort();
      }, this.ms);
    });
    const opening = Promise.resolve().then(() => connector.open(config, abort.signal, make));
    // One that comes too late is closed.
    opening.then(({ backend }) => (abort.signal.aborted ? backend.close() : undefined)).catch(() => undefined);
    try {
      const { backend, place } = await Promise.race([opening, late]);
      return { backend: new BoundedBackend(backend, this.ms), place };
    } catch (thrown) {
      if (thrown instanceof Fault || thrown instanceof BackendError) throw thrown;
      throw new BackendError('UNREACHABLE', 'could not be opened', thrown);
    } finally {
      clearTimeout(timer);
    }
  }
}
