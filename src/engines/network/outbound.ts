/**
 * Connections to others through Node's own HTTP agents. Guarantees, beside those of the port: all addresses of a name are
 * judged and one that is refused refuses the name; what is connected to is what was judged, since the name is resolved once
 * for a connection; pins of the operator go before the resolver and past the judgement.
 */
import { type LookupAddress, lookup as resolveName } from 'node:dns';
import type { AgentOptions, ClientRequestArgs } from 'node:http';
import { type BlockList, isIP, type LookupFunction } from 'node:net';
import type { Duplex } from 'node:stream';
import { Agent, https, tls } from '../../base/node-http.ts';
import { type Outbound, OutboundRefused } from '../../ports/outbound.ts';
import { blockListOf, refusalOf } from './addresses.ts';

export interface OutboundOptions {
  /**
   * Blocks in CIDR form that may be asked beside public addresses; undefined for all there is, which is for addresses that
   * the operator himself configured.
   */
  readonly allow: readonly string[] | undefined;
  /** `name:port=address:port`. */
  readonly pins: readonly string[];
  /** Certificates in PEM that are trusted beside the well-known ones; '' for none. */
  readonly ca: string;
  /** Asks the system's resolver unless given. */
  readonly resolver?: Resolver;
}

export type Resolver = (name: string, told: (error: Error | null, addresses: LookupAddress[]) => void) => void;

/** Connections to one place that are kept. */
const FREE_MAX = 32;
/** Milliseconds; shorter than the minute after which most servers drop one. */
const KEPT_MS = 15_000;

/** Where it fails, Node gives no list at all, whatever its types say. */
const systemResolver: Resolver = (name, told) =>
  resolveName(name, { all: true }, (error, addresses: LookupAddress[] | undefined) => told(error, addresses ?? []));

export function openOutbound(options: OutboundOptions): Outbound {
  const gate = new Gate(options);
  const agentOptions: AgentOptions = {
    keepAlive: true,
    maxFreeSockets: FREE_MAX,
    scheduling: 'lifo',
    timeout: KEPT_MS,
  };
  const plain = gatedAgent(Agent, agentOptions, gate);
  let secure: ReturnType<typeof gatedAgent> | undefined;
  const secureAgent = () => {
    const trusted = options.ca === '' ? {} : { ca: [...tls().rootCertificates, options.ca] };
    secure ??= gatedAgent(https().Agent, { ...agentOptions, ...trusted }, gate);
    return secure;
  };
  return {
    agentFor: ({ protocol }) => (protocol === 'https:' ? secureAgent() : plain),
    judge: (url) => gate.judge(url),
    close: () => {
      for (const agent of secure ? [plain, secure] : [plain]) {
        agent.maxFreeSockets = 0;
        for (const sockets of Object.values(agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
      }
    },
  };
}

type Made = (error: Error | null, stream: Duplex) => void;

class Gate {
  readonly #allowed: BlockList | undefined;
  readonly #pins: ReadonlyMap<string, Pin>;
  readonly #resolver: Resolver;
  readonly lookup: LookupFunction;

  constructor({ allow, pins, resolver = systemResolver }: OutboundOptions) {
    this.#allowed = allow && blockListOf(allow);
    this.#pins = new Map(pins.map(pinOf));
    this.#resolver = resolver;
    this.lookup = (name, { all, family }, told) => {
      this.#resolve(name, (error, addresses) => {
        const usable = addresses.filter((one) => !family || `IPv${one.family}` === family || one.family === family);
        const [first] = usable;
        if (error || !first) return told(error ?? unknownName(name), '');
        if (all) told(null, usable);
        else told(null, first.address, first.family);
      });
    };
  }

  /** The same options, aimed where they may go. */
  aimed(options: ClientRequestArgs): ClientRequestArgs {
    const host = bare(options.host ?? 'localhost');
    const pin = this.#pins.get(`${host.toLowerCase()}:${options.port}`);
    const aimed = { ...options, lookup: this.lookup };
    if (pin) return { ...aimed, host: pin.address, port: pin.port };
    this.#admitItself(host);
    return aimed;
  }

  async judge({ hostname, port, protocol }: URL): Promise<void> {
    const host = bare(hostname);
    const wanted = port || (protocol === 'https:' ? '443' : '80');
    if (this.#pins.has(`${host.toLowerCase()}:${wanted}`)) return;
    this.#admitItself(host);
    if (isIP(host)) return;
    await new Promise<void>((resolve, reject) =>
      this.#resolve(host, (error) => (error instanceof OutboundRefused ? reject(error) : resolve())),
    );
  }

  #resolve(name: string, told: (error: Error | null, addresses: LookupAddress[]) => void): void {
    // A resolver takes both, a list of names or pins only one.
    const dotted = this.#allowed && name.endsWith('.');
    if (dotted) told(new OutboundRefused(`${name} may not be asked: it has a dot at its end`), []);
    else this.#resolver(name, (error, addresses) => told(error ?? this.#refusal(name, addresses), addresses));
  }

  #refusal(host: string, addresses: readonly Pick<LookupAddress, 'address'>[]): OutboundRefused | null {
    const allowed = this.#allowed;
    if (!allowed) return null;
    for (const { address } of addresses) {
      const why = refusalOf(address, allowed);
      if (why === undefined) continue;
      const named = host === address ? address : `${host}, which is ${address},`;
      return new OutboundRefused(
        `${named} may not be asked: the address is ${why}; NEXUS_OUTBOUND_ALLOW opens ranges, NEXUS_RESOLVE pins a name`,
      );
    }
    return null;
  }

  /** Of an address that stands for itself, which no resolver is asked about. */
  #admitItself(address: string): void {
    const refused = isIP(address) ? this.#refusal(address, [{ address }]) : null;
    if (refused) throw refused;
  }
}

/** An agent of Node's, plain or of TLS, that goes where the gate lets it. */
function gatedAgent(Base: typeof Agent, options: AgentOptions, gate: Gate): InstanceType<typeof Agent> {
  class Gated extends Base {
    override createConnection(asked: ClientRequestArgs, made?: Made): Duplex | null | undefined {
      return connectBy(gate, { options: asked, made }, (aimed) => super.createConnection(aimed, made));
    }
  }
  return new Gated(options);
}

function connectBy(
  gate: Gate,
  { options, made }: { readonly options: ClientRequestArgs; readonly made: Made | undefined },
  connect: (aimed: ClientRequestArgs) => Duplex | null | undefined,
): Duplex | null | undefined {
  try {
    return connect(gate.aimed(options));
  } catch (refused) {
    if (!made || !(refused instanceof OutboundRefused)) throw refused;
    // What it was asked for is told of a failure by the same way that others come on.
    process.nextTick(made as (error: Error) => void, refused);
    return undefined;
  }
}

interface Pin {
  readonly address: string;
  readonly port: number;
}

/** `name:port=address:port`, the address of IPv6 in brackets. */
function pinOf(text: string): [string, Pin] {
  const [name = '', target = ''] = text.split('=');
  const at = target.lastIndexOf(':');
  return [name.toLowerCase(), { address: bare(target.slice(0, at)), port: Number(target.slice(at + 1)) }];
}

const bare = (host: string): string => host.replace(/^\[|\]$/g, '');

const unknownName = (name: string): Error => Object.assign(new Error(`${name} has no address`), { code: 'ENOTFOUND' });
