/**
 * Refusals in the words of `/api/v1` (infrastructure.md §1): texts that its clients know, and of each wrong field what it is
 * and where it was. Guarantees: what was sent is told back only where its name speaks of no secret, and cut short.
 */
import { cut, NAME_CHARACTERS } from '../../base/cut.ts';
import { Fault, type Issue } from '../../base/faults.ts';
import { detailsOf } from '../../base/issues.ts';
import { type RestFailure, restFailure } from './failures.ts';

/** Where parameters came from, beside the body. */
export interface Sources {
  readonly method: string;
  readonly params: unknown;
  readonly query: unknown;
}

const DENIED = 'Access denied: ';

export function v1Failure(fault: Fault, request_id: string, sources: Sources): RestFailure {
  const told = inV1Words(fault, sources);
  const failure = restFailure(told, request_id);
  const { message } = told;
  return { ...failure, detail: message.startsWith(DENIED) ? message.slice(DENIED.length) : message };
}

function inV1Words(fault: Fault, sources: Sources): Fault {
  const { code, data } = fault;
  const again = (message: string, more = data): Fault => new Fault(code, message, more);
  if (code === 'INTERNAL') return again('Internal error');
  if (code === 'ACCESS_DENIED' && data.required_role !== undefined) {
    return again(`${DENIED}Role '${data.role}' lacks required permission '${data.required_role}'`);
  }
  if (code === 'INVALID_PARAMS' && Array.isArray(data.issues)) {
    const issues = (data.issues as Issue[]).map((issue) => tellAll(issue, sources));
    // There the parameters as a whole are what the body holds.
    return again(fault.message.replace(/^params: /, 'body: '), { ...data, issues });
  }
  return fault;
}

/** Words in the name of a field whose value is not told. */
const SECRET = /key|token|secret/i;
const INPUT_CHARACTERS = 256;

function tellAll(issue: Issue, sources: Sources): object {
  const { type, at, input } = detailsOf(issue);
  const loc = at.map((part) => (typeof part === 'string' ? cut(part, NAME_CHARACTERS) : part));
  const told = { ...issue, type, loc: [sourceOf(at, sources), ...loc] };
  const secret = at.some((part) => SECRET.test(String(part)));
  return secret || !isShown(input) ? told : { ...told, input: copied(input) };
}

const hasName = (values: unknown, name: string): boolean =>
  typeof values === 'object' && values !== null && Object.hasOwn(values, name);

function sourceOf([first]: readonly (string | number)[], { method, params, query }: Sources): string {
  const name = String(first ?? '');
  if (hasName(params, name)) return 'path';
  // Beside a body the query names the zone and nothing else.
  const isOfQuery = method === 'GET' || method === 'HEAD' || (name === 'zone_id' && hasName(query, name));
  return isOfQuery ? 'query' : 'body';
}

const VALUES_SHOWN = 20;

/** Neither holds it much, nor a value whose name speaks of a secret. */
function isShown(input: unknown): boolean {
  let left = VALUES_SHOWN;
  const fits = (value: unknown): boolean => {
    if (--left < 0) return false;
    if (typeof value !== 'object' || value === null) return true;
    if (Array.isArray(value)) return value.every(fits);
    // A text that is too long to be held is a reference.
    if (Object.getPrototypeOf(value) !== Object.prototype) return false;
    for (const name in value) {
      if (SECRET.test(name) || !fits((value as Readonly<Record<string, unknown>>)[name])) return false;
    }
    return true;
  };
  return fits(input);
}

/** Texts in it are cut, to whole characters. */
function copied(value: unknown): unknown {
  if (value === undefined) return null;
  if (typeof value === 'string') return value.slice(0, INPUT_CHARACTERS).toWellFormed();
  if (Array.isArray(value)) return value.map(copied);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [cut(name, NAME_CHARACTERS), copied(inner)]));
}
