/** A JSON object with keys of any name, `__proto__` among them, which a record schema would leave out. */
import { z } from 'zod';

/** With a type for its values, which are JSON whatever it is. */
export const jsonObjectOf = <V>() =>
  z.custom<Record<string, V>>((value) => isJsonObject(value), 'has to be a JSON object').meta({ type: 'object' });

export const jsonObject = jsonObjectOf<unknown>();

/** With names that pass `name` and values that pass `value`, which are kept as they came; else the issues of each. */
export const recordOf = <V>(value: z.ZodType<V>, name: z.ZodType<string> = z.string()): z.ZodType<Record<string, V>> =>
  jsonObjectOf<V>()
    .superRefine((given, context) => {
      for (const [key, one] of Object.entries(given)) {
        const wrong = [name.safeParse(key), value.safeParse(one)].flatMap(({ error }) => error?.issues ?? []);
        for (const { message, path } of wrong) {
          context.addIssue({ code: 'custom', message, path: [key, ...path] });
        }
      }
    })
    .meta({ type: 'object', additionalProperties: z.toJSONSchema(value, { unrepresentable: 'any' }) });

/** Any JSON. */
export const jsonValue = z.custom<unknown>((value) => isJson(value), 'has to be JSON');

/** Neither null nor a list. */
export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * What `schema` takes, unless it holds more values than that, however deep: they are counted before any is looked at, as a schema of
 * records makes an issue of each that is wrong.
 */
export const holding = <T>(most: number, schema: z.ZodType<T>): z.ZodType<T> =>
  z.preprocess((value, context) => {
    if (!holdsMore(value, most)) return value;
    context.addIssue({ code: 'custom', message: `has more than ${most} entries` });
    return z.NEVER;
  }, schema);

/** Does a value hold more than so many others, however deep? */
export function holdsMore(given: unknown, most: number): boolean {
  const open: unknown[] = [given];
  for (let seen = 0; open.length > 0; ) {
    const value = open.pop();
    if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) continue;
    const held: readonly unknown[] = Array.isArray(value) ? value : Object.values(value);
    seen += held.length;
    if (seen > most) return true;
    for (const one of held) open.push(one);
  }
  return false;
}

/**
 * Does JSON hold an integer of which digits may have been lost when it was read (files.md §3)? One that is so large that
 * it is written with an exponent was meant as a measure.
 */
export function holdsInexactInteger(value: unknown): boolean {
  if (typeof value === 'number') {
    return Number.isInteger(value) && !Number.isSafeInteger(value) && !String(value).includes('e');
  }
  return typeof value === 'object' && value !== null && Object.values(value).some(holdsInexactInteger);
}

/** Of an object, all but what is null: that is as good as left out (files.md §1). Anything else as it is. */
export const withoutNulls = <T>(value: T): T =>
  isObject(value) ? (Object.fromEntries(Object.entries(value).filter(([, part]) => part !== null)) as T) : value;

function isJsonObject(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (Object.getPrototypeOf(value) !== Object.prototype) return false;
  for (const name in value) if (!isJson((value as Readonly<Record<string, unknown>>)[name])) return false;
  return true;
}

const isJson = (value: unknown): boolean =>
  value === null ||
  typeof value === 'string' ||
  typeof value === 'boolean' ||
  Number.isFinite(value) ||
  (Array.isArray(value) ? value.every(isJson) : isJsonObject(value));
