/** Answers held against `/openapi.json`: is the status declared there, and the body one that its schema takes? */
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';

interface Content {
  readonly content?: Readonly<Record<string, unknown>>;
}

interface Call {
  readonly operationId: string;
  readonly responses: Readonly<Record<string, Content>>;
}

export interface ApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Call>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, unknown>> };
}

export interface Answered {
  readonly method: string;
  readonly url: string;
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

/** Says what is wrong with an answer; undefined where nothing is. */
export type Check = (answer: Answered) => string | undefined;

const pointer = (...parts: string[]): string =>
  parts.map((part) => `/${encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'))}`).join('');

/** Parts of a path that are told apart by words go before those that may be anything. */
function patternsOf(paths: readonly string[]): { readonly path: string; readonly pattern: RegExp }[] {
  const pattern = (path: string, part: string): RegExp =>
    new RegExp(`^${path.replace(/[.]/g, '\\.').replace(/\{\w+\}/g, part)}/?$`);
  const names = (path: string): number => path.split('{').length;
  const sorted = paths.toSorted((a, b) => names(a) - names(b));
  return ['[^/]+', '.*'].flatMap((part) => sorted.map((path) => ({ path, pattern: pattern(path, part) })));
}

export function conformityTo(document: ApiDocument): Check {
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  ajv.addSchema(document, 'api');
  const compiled = new Map<string, ValidateFunction>();
  const patterns = patternsOf(Object.keys(document.paths));
  return ({ method, url, status, type, text }) => {
    const { pathname } = new URL(url);
    const verb = method.toLowerCase();
    const path = patterns.find((one) => one.pattern.test(pathname) && document.paths[one.path]?.[verb])?.path ?? '';
    const call = document.paths[path]?.[verb];
    if (!call) return `${method} ${pathname} is not in the document`;
    const at = `${method} ${path} ${status}`;
    const declared = call.responses[status];
    if (!declared) return `${at} is not declared: ${text.slice(0, 200)}`;
    const media = type.split(';')[0] ?? '';
    if (!declared.content || text === '') return text === '' ? undefined : `${at} has a body: ${text.slice(0, 100)}`;
    if (!declared.content[media]) return declared.content['*/*'] ? undefined : `${at} is ${media}`;
    if (media !== 'application/json') return undefined;
    const ref = `api#${pointer('paths', path, verb, 'responses', String(status), 'content', media, 'schema')}`;
    const validate = compiled.get(ref) ?? ajv.compile({ $ref: ref });
    compiled.set(ref, validate);
    return validate(JSON.parse(text))
      ? undefined
      : `${at}: ${ajv.errorsText(validate.errors).slice(0, 300)} in ${text.slice(0, 200)}`;
  };
}

/** Keeps what `fetch` is answered until the returned function is called, which gives it back. */
export function recordAnswers(): () => readonly Answered[] {
  const real = globalThis.fetch;
  const recorded: Answered[] = [];
  globalThis.fetch = async (input, init) => {
    const response = await real(input, init);
    const type = response.headers.get('content-type') ?? '';
    const text = type.startsWith('application/json') ? await response.clone().text() : '';
    const url = input instanceof Request ? input.url : String(input);
    recorded.push({ method: init?.method ?? 'GET', url, status: response.status, type, text });
    return response;
  };
  return () => {
    globalThis.fetch = real;
    return recorded;
  };
}
