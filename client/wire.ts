/**
 * Types of the JSON-RPC methods as a client sees them: what it sends, where the server has already understood it, and
 * what it gets. Only types: nothing of the server is loaded.
 */
import type { StaleAnswer } from '../src/core/call/stale.ts';
import type { ClientMethod, clientMethods } from '../src/core/client-methods.ts';

type Methods = typeof clientMethods;
export type Method = keyof Methods;

type Parsed<M extends Method> = Methods[M] extends ClientMethod<infer I, infer _O, infer _D> ? I : never;
type Output<M extends Method> = Methods[M] extends ClientMethod<infer _I, infer O, infer _D> ? O : never;
type Defaulted<M extends Method> = Methods[M] extends ClientMethod<infer _I, infer _O, infer D> ? D : never;

/** Parameters whose text the server turns into something else: times, and conditions on etags. */
interface Spelled {
  /** ISO 8601. */
  readonly if_unmodified_since?: string;
  /** ISO 8601, as those of spans are. */
  readonly expires_at?: string;
  readonly since?: string;
  readonly until?: string;
  readonly start_time?: string;
  readonly end_time?: string;
  readonly if_match?: string | readonly string[];
  readonly if_none_match?: boolean | string | readonly string[];
}

/** A value as it is sent: no reader of spooled texts, which only the server has. */
type Sent<T> = T extends string | number | boolean | null | undefined | Uint8Array
  ? T
  : T extends { readonly sha256: unknown } | { readonly loneSurrogate: unknown }
    ? never
    : T extends object
      ? { readonly [K in keyof T]: K extends keyof Spelled ? Spelled[K] : Sent<T[K]> }
      : T;

type Loosened<T, D extends PropertyKey> = Omit<T, D> & Partial<Pick<T, D & keyof T>>;

export type Params<M extends Method> = Sent<Loosened<Parsed<M>, Defaulted<M>>>;

/** Methods that need no parameter. */
export type BareMethod = { [M in Method]: Record<never, never> extends Params<M> ? M : never }[Method];

type Stat = Omit<Output<'get_metadata'>, 'hash' | 'type' | 'is_directory' | 'name'>;
type Known = Pick<Stat, 'path' | 'size' | 'modified_at'> & { readonly etag: string; readonly version: number };

/** Content in base64, with what is known of the file. */
export interface Base64Content extends Known {
  readonly content: string;
  readonly encoding: 'base64';
}

/** Content with everything that is known of the file. */
export interface FileContent extends Known {
  readonly content: Uint8Array;
  readonly encoding: 'utf-8' | 'base64';
  readonly content_type: string;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** What content is answered as, by `encoding` and `return_metadata` (both `unknown` where they are not known). */
export type Content<P> = P extends { readonly return_metadata: true }
  ? FileContent
  : P extends { readonly encoding: 'utf-8' }
    ? string
    : P extends { readonly encoding: 'bytes' }
      ? Uint8Array
      : P extends { readonly encoding: 'base64' }
        ? Base64Content
        : Uint8Array | Base64Content;

/** One line that grep found. */
export interface GrepMatch {
  readonly path: string;
  readonly file: string;
  /** From 1 on, like `line_number`. */
  readonly line: number;
  readonly line_number: number;
  readonly column: number;
  /** The line without its end, cut at 2,000 characters. */
  readonly content: string;
  readonly match: string;
  readonly before?: readonly string[];
  readonly after?: readonly string[];
  readonly truncated?: boolean;
}

/** A page of matches, which the server answers as bytes that it made before. */
type Matches<O, T> = Omit<O, 'matches'> & { readonly matches: readonly T[] };

type Page<F, E> = Omit<Output<'list'>, 'files' | 'entries'> & {
  readonly files: readonly F[];
  readonly entries: readonly E[];
};
type FileObject = Output<'get_metadata'>;
type EntryObject = Exclude<Output<'list'>['entries'][number], FileObject>;

/** With `details` file objects, else paths and short entries; either where that is not known. */
type Listed<P> = P extends { readonly details: infer D }
  ? D extends true
    ? Page<FileObject, FileObject>
    : Page<string, EntryObject>
  : 'details' extends keyof P
    ? Output<'list'>
    : Page<string, EntryObject>;

/** What a method answers to parameters `P`. */
export type Result<M extends Method, P = Params<M>> = M extends 'read' | 'get_version'
  ? Content<P>
  : M extends 'read_bulk'
    ? Readonly<Record<string, Content<P> | null>>
    : M extends 'glob'
      ? Matches<Output<'glob'>, string>
      : M extends 'grep'
        ? Matches<Output<'grep'>, GrepMatch>
        : M extends 'list'
          ? Listed<P>
          : Exclude<Output<M>, StaleAnswer>;
