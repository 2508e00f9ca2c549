/**
 * The typed client: every JSON-RPC method by its name, with conveniences for content and pages. Guarantees: parameters and
 * results have the types of the server's own operations; a failure of the server is thrown as a NexusError, an absent
 * server as UnreachableError; uploads and downloads are streamed.
 */
import { type ProofQuestion, proofWorld } from './ask-proof.ts';
import { type Bytes, type Downloaded, download, type Upload, upload, type View } from './content.ts';
import { type Entry, globAll, grepAll, listAll } from './pages.ts';
import type { Explanation, ProofWorld } from './proof-world.ts';
import {
  type EventObject,
  type Followed,
  type FollowQuery,
  followEvents,
  type ReplayQuery,
  replayEvents,
} from './stream.ts';
import { type ClientOptions, encodeBytes, Transport } from './transport.ts';
import type { BareMethod, GrepMatch, Method, Params, Result } from './wire.ts';

export type { ProofQuestion } from './ask-proof.ts';
export type { Bytes, Downloaded, Upload, View } from './content.ts';
export * from './errors.ts';
export type { Entry } from './pages.ts';
export type { Explanation, ProofWorld } from './proof-world.ts';
export type { EventObject, Followed, FollowQuery, ReplayQuery } from './stream.ts';
export type { ClientOptions } from './transport.ts';
export { verifyExplanation } from './verify.ts';
export type { Base64Content, FileContent, GrepMatch, Method, Params, Result } from './wire.ts';

/** One function for each method; those that need nothing can be called without parameters. */
export type Calls = {
  readonly [M in Method]: M extends BareMethod
    ? <const P extends Params<M>>(params?: P) => Promise<Result<M, P>>
    : <const P extends Params<M>>(params: P) => Promise<Result<M, P>>;
};

export interface Conveniences {
  /** A file as text; NOT_TEXT if it is none. */
  readText(path: string, view?: View): Promise<string>;
  /** A file as bytes, whole in memory. */
  readBytes(path: string, view?: View): Promise<Uint8Array>;
  /** Writes a file from a text, bytes or a stream. */
  upload(path: string, content: Bytes, options?: Upload): Promise<Result<'write'>>;
  /** Opens a file for reading as a stream. */
  download(path: string, view?: View): Promise<Downloaded>;
  /** Everything in a directory, page after page, as one moment of the tree has it. */
  listAll(params: Params<'list'>): AsyncGenerator<Entry>;
  globAll(params: Params<'glob'>): AsyncGenerator<string>;
  grepAll(params: Params<'grep'>): AsyncGenerator<GrepMatch>;
  /** What happened from a place on up to now, oldest first. */
  replayEvents(query?: ReplayQuery): AsyncGenerator<EventObject>;
  /** What happens, as it happens; it goes on where it was when the connection was lost. */
  followEvents(query?: FollowQuery, how?: Followed): AsyncGenerator<EventObject>;
  /** What `verifyExplanation` checks an answer of `rebac_explain` by; `holds` says whether conditions of tuples do. */
  proofWorld(
    told: Explanation,
    by: { readonly question: ProofQuestion; readonly holds?: ProofWorld['holds'] },
  ): Promise<ProofWorld>;
}

export type Client = Calls & Conveniences;

export function createClient(options: ClientOptions): Client {
  const transport = new Transport(options);
  const conveniences: Conveniences = {
    readText: async (path, view) => new TextDecoder('utf-8', { fatal: true }).decode(await whole(path, view)),
    readBytes: (path, view) => whole(path, view),
    upload: (path, content, how) => upload(transport, { path, content, ...how }),
    download: (path, view) => download(transport, path, view),
    listAll: (params) => listAll(transport, params),
    globAll: (params) => globAll(transport, params),
    grepAll: (params) => grepAll(transport, params),
    replayEvents: (query) => replayEvents(transport, query),
    followEvents: (query, how) => followEvents(transport, query, how),
    proofWorld: (told, by) => proofWorld(transport, told, by),
  };
  const whole = async (path: string, view?: View): Promise<Uint8Array> => {
    const { stream } = await download(transport, path, view);
    return new Uint8Array(await new Response(stream).arrayBuffer());
  };
  // Which methods there are is the server's to know; their types are the client's only knowledge of them.
  const calls = new Proxy(conveniences, {
    get: (own, name) => {
      if (typeof name === 'symbol' || name in own) return Reflect.get(own, name);
      // A client may be awaited and is no promise.
      if (name === 'then') return undefined;
      return (params: object = {}) => transport.rpc(name, encodeBytes(params) as object);
    },
  });
  return calls as Client;
}
