/**
 * Looks at MCP servers, of this process. Guarantees: a look ends within {@link LOOK_MS}, however its server behaves; of one entry
 * one runs at a time, and whoever wants it meanwhile has its answer; no more than {@link AT_ONCE} run together.
 */
import type { Limits } from '../../base/limits.ts';
import { parseJson } from '../../base/parse-json.ts';
import type { ToolDesk, ToolLook, ToolLooked } from '../../core/call/tool-desk.ts';
import { type ToolPlace, ToolServerError, type ToolServers } from '../../ports/tool-servers.ts';
import type { Seal } from '../mounts/seal.ts';

/** Milliseconds, those in which it waits for others included: what a call of a store may take too (platform.md §4.2). */
const LOOK_MS = 30_000;
const AT_ONCE = 8;

export interface ToolLooksParts {
  readonly servers: ToolServers;
  readonly seal: Seal;
  readonly limits: Limits;
  readonly lookMs?: number;
}

export class ToolLooks implements ToolDesk {
  private readonly parts: ToolLooksParts;
  private readonly running = new Map<string, Promise<ToolLooked>>();
  private readonly waiting: (() => void)[] = [];
  private free = AT_ONCE;
  private readonly closing = new AbortController();

  constructor(parts: ToolLooksParts) {
    this.parts = parts;
  }

  seal(place: ToolPlace, zone_id: string): string {
    return this.parts.seal.seal(JSON.stringify(place), zone_id);
  }

  look(asked: ToolLook): Promise<ToolLooked> {
    const known = this.running.get(asked.mount_id);
    if (known) return known;
    const look = this.lookAt(asked).finally(() => this.running.delete(asked.mount_id));
    this.running.set(asked.mount_id, look);
    return look;
  }

  /** Ends all looks; each leaves nothing behind. */
  async close(): Promise<void> {
    this.closing.abort();
    await Promise.all(this.running.values());
    this.parts.servers.close();
  }

  private async lookAt(asked: ToolLook): Promise<ToolLooked> {
    const { servers, lookMs = LOOK_MS } = this.parts;
    const signal = AbortSignal.any([this.closing.signal, AbortSignal.timeout(lookMs)]);
    await this.enter();
    try {
      return this.checked({ tools: await servers.list(this.placeOf(asked), signal), error: null });
    } catch (thrown) {
      if (!(thrown instanceof ToolServerError)) throw thrown;
      return { tools: [], error: thrown.message };
    } finally {
      this.leave();
    }
  }

  private placeOf({ sealed, zone_id }: ToolLook): ToolPlace {
    try {
      return parseJson(this.parts.seal.open(sealed, zone_id)) as ToolPlace;
    } catch (thrown) {
      throw new ToolServerError('what is stored of it cannot be read: NEXUS_SECRETS_KEY is another one now', thrown);
    }
  }

  private checked(looked: ToolLooked): ToolLooked {
    const { MCP_TOOLS, MCP_TOOLS_BYTES } = this.parts.limits;
    const { length } = looked.tools;
    if (length > MCP_TOOLS) throw new ToolServerError(`it has ${length} tools, more than the limit MCP_TOOLS`);
    const bytes = Buffer.byteLength(JSON.stringify(looked.tools));
    if (bytes > MCP_TOOLS_BYTES) {
      throw new ToolServerError(`its list of tools has ${bytes} bytes, more than the limit MCP_TOOLS_BYTES`);
    }
    return looked;
  }

  private async enter(): Promise<void> {
    if (this.free > 0) this.free--;
    else await new Promise<void>((resolve) => this.waiting.push(resolve));
  }

  private leave(): void {
    const next = this.waiting.shift();
    if (next) next();
    else this.free++;
  }
}
