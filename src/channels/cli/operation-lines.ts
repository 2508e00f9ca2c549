/**
 * What the command line knows of the operations: words, parameters and wire, as plain data, for each with a `cli`
 * binding. Only here are the operations themselves loaded, and the published bundle holds the data instead of this file
 * (tools/build.ts), so that a command there loads no schema.
 */
import type { z } from 'zod';
import type { AnyOperation } from '../../core/operation.ts';
import { publicOperations } from '../../core/operations.ts';
import { shapeOf } from '../../core/shape-of.ts';
import { type JsonType, jsonOf, leavesOf, ruleOf, type TextRule } from '../http/rest-values.ts';
import type { Takes } from './command.ts';

export interface Parameter extends Takes {
  readonly name: string;
  readonly about: string;
  /** All that it takes, or takes a list of, where that is one of a few words. */
  readonly words?: readonly string[] | undefined;
}

export interface OperationLine {
  readonly words: string;
  readonly summary: string;
  /** Names of the parameters given by position; `name?` may be missing, `name…` is the list of all that follow. */
  readonly args: readonly string[];
  readonly parameters: readonly Parameter[];
  /** JSON-RPC method. */
  readonly rpc?: string;
  /** REST route, for what has no method. */
  readonly http?: { readonly method: string; readonly path: string };
}

function lineOf(operation: AnyOperation): OperationLine {
  const { rpc, http, cli, summary, name } = operation;
  const shape = shapeOf(operation);
  return {
    words: cli?.words ?? name,
    summary,
    args: (cli?.args ?? []).map((arg) => (shape[arg]?.safeParse(undefined).success ? `${arg}?` : arg)),
    // Made for the one command that runs: all of them together cost more than the rest of a call.
    get parameters() {
      return Object.entries(shape).map(([parameter, schema]): Parameter => {
        const takes = cli?.things?.[parameter];
        return { ...parameterOf(parameter, schema), ...(takes ? { takes } : {}) };
      });
    },
    ...(rpc ? { rpc: rpc.name } : {}),
    ...(http && !rpc ? { http: { method: http.method, path: http.path } } : {}),
  };
}

function parameterOf(name: string, schema: z.ZodType): Parameter {
  const json = jsonOf(schema);
  const words = wordsOf(json);
  const group = groupOf(json);
  return {
    name,
    about: aboutOf(json),
    ...takesOf(ruleOf(json)),
    ...(words.length > 0 ? { words } : {}),
    ...(group ? { group } : {}),
  };
}

/** Of how many texts an item is, where each may be a list of just so many. */
function groupOf(json: JsonType): number | undefined {
  const items = leavesOf(json).flatMap((leaf) => (leaf.items ? leavesOf(leaf.items) : []));
  const isOfTexts = (parts: readonly JsonType[]): boolean => parts.every((part) => ruleOf(part).text);
  return items.find(({ prefixItems }) => prefixItems && isOfTexts(prefixItems))?.prefixItems?.length;
}

const wordsOf = (json: JsonType): string[] => (json.enum ?? json.items?.enum ?? []).map(String);

/** Words of a parameter that are told where there are no more. */
const WORDS_MAX = 12;

/** What it is said to be, and the words that it takes where that does not tell them. */
function aboutOf({ description = '', ...json }: JsonType): string {
  const words = wordsOf(json);
  const told = new Set(description.match(/[\w-]+/g));
  const untold = words.some((word) => !told.has(word)) && words.length <= WORDS_MAX;
  return [description, untold ? words.join(', ') : ''].filter((part) => part !== '').join(': ');
}

/** Objects, and what JSON Schema has no word for, are JSON. */
function takesOf({ number, boolean, text, items }: TextRule): Takes {
  if (text) return boolean || items ? { takes: 'text', or: { boolean, list: items !== undefined } } : { takes: 'text' };
  if (items) return { takes: 'json' };
  return { takes: boolean ? 'flag' : number ? 'number' : 'json' };
}

export const operationLines: readonly OperationLine[] = publicOperations
  .filter((operation) => operation.cli && (operation.rpc || operation.http))
  .map(lineOf);
