/** What careless and hostile callers send: awkward values as JSON text, and bytes that were a request before. */
import fc from 'fast-check';
import { filled, STEPS } from './parity/steps.ts';

const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);

/** Values as JSON text, since some have no other form. None of them is right everywhere. */
export const AWKWARD: readonly string[] = [
  ...['null', 'true', 'false', '0', '-1', '-0', '0.5', '1e308', '1e400', '-1e400', '9007199254740993', '1E-400'],
  ...['""', '" "', '"/"', '"."', '".."', '"/../x"', '"/zone/root/x"', '"/zone//x"', '"main"', '"*"', '"**"', '"["'],
  ...['"NaN"', '"Infinity"', '"1e400"', '"-1"', '"0x10"', '"true"', '"null"', '"undefined"', '"2026-02-30T25:61:61Z"'],
  ...[
    '"\\ud800"',
    '"\\udc00x"',
    '"\\u0000"',
    '"\\u0007\\u001b[2J"',
    '"\\u202e"',
    '"\\ufeff"',
    '"💥"',
    '"%00"',
    '"%2e%2e"',
  ],
  ...['"__proto__"', '"constructor"', '"toString"', '"{{7*7}}"', '"\' OR 1=1 --"', '"(a+)+$"', '"\\\\1"', '"{a,{b,c}"'],
  ...[JSON.stringify('x'.repeat(5000)), JSON.stringify('/x'.repeat(300)), JSON.stringify('é'.repeat(2100))],
  ...[
    '[]',
    '[null]',
    '[[]]',
    '[[],[]]',
    '[1,"a",{}]',
    '["user"]',
    '["user","ada"]',
    '["a","a"]',
    '[["a","b"],["a"]]',
    nested(40),
    nested(80),
  ],
  ...[
    '{}',
    '{"a":null}',
    '{"__proto__":{"isAdmin":true}}',
    '{"constructor":{"prototype":1}}',
    '{"toString":1,"length":-1}',
  ],
  ...[
    '{"__type__":"bytes"}',
    '{"__type__":"bytes","data":"%%"}',
    '{"__type__":"bytes","data":"AAA"}',
    '{"__type__":"bytes","data":"AP8="}',
  ],
  ...[
    '{"__type__":"datetime","data":"never"}',
    '{"__type__":"nothing"}',
    '{"__type__":null}',
    '{"path":1,"content":{}}',
  ],
  ...['{"max_files":-1}', '{"max_files":1e300}', '{"old_str":"","new_str":""}', '[{"path":"/a"},{"path":"/a"}]'],
];

/** An input that is right but for what is made wrong of it; `kept` has the ids of things that are there. */
export function plausible(operation: string, kept: ReadonlyMap<string, unknown>): Readonly<Record<string, unknown>> {
  const step = STEPS.find(({ op, fault }) => op === operation && !fault);
  return filled(step?.input ?? {}, kept) as Readonly<Record<string, unknown>>;
}

/** The input as JSON with one parameter replaced by a text that need not be JSON. */
export function withAwkward(input: Readonly<Record<string, unknown>>, name: string, text: string): string {
  const others = Object.entries(input).filter(([key]) => key !== name);
  const parts = [...others.map(([key, value]) => [key, JSON.stringify(value)]), [name, text]];
  return `{${parts.map(([key, value]) => `${JSON.stringify(key)}:${value}`).join(',')}}`;
}

/** A byte string with some of its bytes changed, left out, doubled, or cut off. */
export function mangled(text: string): fc.Arbitrary<Buffer> {
  const bytes = Buffer.from(text);
  const at = fc.nat({ max: Math.max(0, bytes.length - 1) });
  const odd = fc.oneof(fc.integer({ min: 0, max: 255 }), fc.constantFrom(0, 10, 13, 34, 37, 92, 123, 125, 128, 255));
  const change = fc.record({ how: fc.constantFrom('set', 'drop', 'double', 'cut'), at, odd });
  return fc.array(change, { minLength: 1, maxLength: 4 }).map((changes) => {
    let made = bytes;
    for (const { how, at: i, odd: byte } of changes) {
      const end = how === 'cut' ? Buffer.alloc(0) : made.subarray(how === 'set' || how === 'drop' ? i + 1 : i);
      const middle = how === 'set' ? [byte] : how === 'double' ? [...made.subarray(i, i + 1)] : [];
      made = Buffer.concat([made.subarray(0, i), Buffer.from(middle), end]);
    }
    return made;
  });
}

/** Paths and queries of URLs that no client would make. */
export const ODD_TARGETS: readonly string[] = [
  ...[
    '/%',
    '/%f',
    '/%ff',
    '/%00',
    '/%2e%2e/x',
    '/a%2fb',
    '/%C0%AF',
    '/%ED%A0%80',
    '/%25%32%65',
    '/a//b',
    '/..',
    '/.',
    '',
  ],
  ...[
    '/x?version=%',
    '/x?version=%ff',
    '/x?version=1&version=2',
    '/x?as_of=%00',
    '/x?as_of=99999999999999999999',
    '/x?=&&=',
  ],
  ...[
    '/x?branch=..',
    '/x?branch=__proto__',
    '/x?__proto__=1',
    '/x?zone_id=%00',
    '/x?download=maybe',
    `/${'x'.repeat(2000)}`,
  ],
  ...[`/${'a/'.repeat(400)}`, '/\\..\\x', '/x;y=1', '/ ', '/\u00e9', '/x#y', '/%7f', '/x?version=1e9', '/x?version=-0'],
];
