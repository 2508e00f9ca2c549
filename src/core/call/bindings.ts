/**
 * What an operation is on each wire, as data of its declaration: the names are promises to existing clients. That of a stream
 * stands with what streams are given (core/operation.ts).
 */
import type { z } from 'zod';
import type { TextPages } from './text-pages.ts';

export type HttpMethod = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** How an answer becomes the body of a wire, where that wants another shape than the operation's own output. */
export type Present<O> = (output: O, input: unknown) => unknown;

export interface RpcBinding<O> {
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly present?: Present<O>;
}

export interface HttpBinding<O> {
  readonly method: HttpMethod;
  /** Route template; `:name` is a part that becomes the parameter of that name. */
  readonly path: string;
  /** The name of the last part, which is a path of the tree: as it stands or with its slashes escaped. An alias without it is the root. */
  readonly wide?: string;
  /** Other paths of the same route. */
  readonly aliases?: readonly string[];
  readonly status?: number;
  /** Where the answer decides on it. */
  readonly statusOf?: (output: O) => number;
  readonly present?: Present<O>;
  /** Schema of what `present` makes, for the API document. */
  readonly body?: z.ZodType;
  /** Parameters that body and query may call otherwise are the schema's business; `location` gives the header on 201. */
  readonly location?: (output: O) => string;
  /** The body takes fields it does not know (platform.md §0, bodies marked ◦). */
  readonly tolerant?: boolean;
  readonly text?: TextPages<O>;
  /** Headers, in lower case, that stand for parameters which are not given otherwise. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The body may be a list: it is then the parameter of this name. */
  readonly list?: string;
  /** It takes credentials as parameters: never from the URL, and a header that does not work is 401 though it is public. */
  readonly credentials?: boolean;
}

export interface CliBinding {
  /** Noun and verb, `file list`. */
  readonly words: string;
  /** Parameters given by position, in order; `name…` is a list of texts, given one by one. */
  readonly args?: readonly string[];
  /** Parameters that are `[type, id]`, and people type as `type:id`; a subject may be a set too, `type:id#relation`. */
  readonly things?: Readonly<Record<string, 'object' | 'subject'>>;
}

export interface ToolBinding<O> {
  readonly name?: string;
  /** Where agents want another shape than the other doors give. */
  readonly present?: Present<O>;
}
