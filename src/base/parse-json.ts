/**
 * JSON.parse, made safe: each key is the one that the text holds. V8 (seen in Node 24, 25 and 26) guesses the next key
 * of an object from those parsed before, and compares its guess with the raw text: once anyone had `{"a":0,"\\":0}`
 * parsed, the `\u00e9` of `{"a":0,"\u00e9":0}` is taken for `\`, and the same for any escaped key whose raw text begins
 * with a known one. A caller could change what others send. All texts go through here; `JSON.parse` is banned elsewhere.
 */

const BACKSLASH = '\\';

/** The value of `text`. A key of a wrong guess always has a backslash in it, so only values with one are looked at again. Throws SyntaxError. */
export function parseJson<T = unknown>(text: string): T {
  const value: unknown = JSON.parse(text);
  return (text.includes(BACKSLASH) && hasGuessableKey(value) ? parseExactly(text) : value) as T;
}

/** Makes a property of the object's own, whatever its name; assignment to `__proto__` would set the prototype. */
export function setOwn(object: object, key: string, value: unknown): void {
  if (key !== '__proto__') (object as Record<string, unknown>)[key] = value;
  else Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
}

function hasGuessableKey(root: unknown): boolean {
  const open: unknown[] = [root];
  while (open.length > 0) {
    const value = open.pop();
    if (typeof value !== 'object' || value === null) continue;
    if (!Array.isArray(value) && Object.keys(value).some((key) => key.includes(BACKSLASH))) return true;
    for (const held of Object.values(value)) if (typeof held === 'object') open.push(held);
  }
  return false;
}

interface Open {
  readonly into: object;
  /** Of an object: the key whose value is due. */
  key: string | undefined;
}

const TOKEN = /[[\]{}"]|[^\s,:[\]{}"]+/g;

/** `text` has to be JSON. A string, a number or a literal by itself is parsed without any guess. */
function parseExactly(text: string): unknown {
  const root: unknown[] = [];
  const open: Open[] = [{ into: root, key: undefined }];
  for (let at = 0; ; ) {
    TOKEN.lastIndex = at;
    const token = TOKEN.exec(text);
    if (token === null) return root[0];
    const sign = token[0];
    at = sign === '"' ? endOfString(text, token.index) : TOKEN.lastIndex;
    const holder = open.at(-1)!;
    if (sign === ']' || sign === '}') {
      open.pop();
    } else if (sign === '"' && holder.key === undefined && !Array.isArray(holder.into)) {
      holder.key = JSON.parse(text.slice(token.index, at));
    } else {
      const opens = sign === '[' || sign === '{';
      const value = opens ? (sign === '[' ? [] : {}) : JSON.parse(text.slice(token.index, at));
      put(holder, value);
      if (opens) open.push({ into: value, key: undefined });
    }
  }
}

function put(holder: Open, value: unknown): void {
  if (Array.isArray(holder.into)) holder.into.push(value);
  else setOwn(holder.into, holder.key!, value);
  holder.key = undefined;
}

/** Behind the quote that closes the string which opens at `from`. */
function endOfString(text: string, from: number): number {
  for (let at = text.indexOf('"', from + 1); ; at = text.indexOf('"', at + 1)) {
    let slashes = 0;
    while (text[at - 1 - slashes] === BACKSLASH) slashes++;
    if (slashes % 2 === 0) return at + 1;
  }
}
