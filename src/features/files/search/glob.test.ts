/** Globs: every token of the grammar by example, every fault, and any pattern over any path against a plain matcher. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Fault } from '../../../base/faults.ts';
import { defaultLimits } from '../../../base/limits.ts';
import { isBelow } from '../../../base/paths.ts';
import { compileGlob } from './glob.ts';

const glob = (pattern: string, base = '/') => compileGlob(pattern, base, defaultLimits);

function faultOf(pattern: string): Fault {
  try {
    glob(pattern);
  } catch (thrown) {
    if (thrown instanceof Fault) return thrown;
    throw thrown;
  }
  throw new Error(`${pattern} is valid`);
}

describe('the grammar', () => {
  test.each([
    ['*', ['/a', '/.a', '/a.b'], ['/a/b', '/']],
    ['*.x', ['/a.x', '/.x'], ['/a.y', '/a/b.x', '/x']],
    ['a*', ['/a', '/ab'], ['/ba', '/a/b']],
    ['a*b*c', ['/abc', '/axbxbxc'], ['/ac', '/abcd', '/acb']],
    ['?', ['/a', '/.', '/\u{1f600}'], ['/ab', '/']],
    ['a?c', ['/abc', '/a\u{1f600}c'], ['/ac', '/abbc']],
    ['?*?', ['/ab', '/\u{1f600}\u{1f600}'], ['/a', '/\u{1f600}']],
    ['/a/**/*.x', ['/a/b.x', '/a/b/c/d.x'], ['/b.x', '/a', '/ab/c.x']],
    ['/a/**', ['/a/b', '/a/b/c'], ['/a', '/', '/ab']],
    ['**', ['/a', '/a/b', '/.a/.b'], ['/']],
    ['**/a', ['/a', '/b/a', '/b/c/a'], ['/a/b', '/ba']],
    ['a/**/b/**/c', ['/a/b/c', '/a/x/b/y/z/c', '/a/b/b/c/c'], ['/a/c/b', '/a/b', '/a/bc']],
    ['**/a/**', ['/a/b', '/x/a/b/c'], ['/a', '/x/a']],
    ['**/a/**/b/**/c', ['/a/b/c', '/x/a/b/y/c'], ['/a/c', '/b/a/c']],
    ['a/**/**/b', ['/a/b', '/a/x/b'], ['/a']],
    ['a**b', ['/ab', '/axxb'], ['/a/b', '/a/x/b']],
    ['***', ['/a'], ['/a/b', '/']],
    ['[abc]', ['/a', '/c'], ['/d', '/ab', '/[']],
    ['[a-cx]', ['/b', '/x'], ['/d', '/-']],
    ['[!a]', ['/b', '/!', '/\u{1f600}'], ['/a', '/', '/bb']],
    ['[^a-c]x', ['/dx'], ['/ax', '//x']],
    ['[]a]', ['/]', '/a'], ['/b']],
    ['[!]a]', ['/b'], ['/]', '/a']],
    ['[a-]', ['/a', '/-'], ['/b']],
    ['[\\]\\-]', ['/]', '/-'], ['/\\']],
    ['[{,}]', ['/{', '/,', '/}'], ['/a']],
    ['a[/]b', [], ['/a/b']],
    ['a[!x]b', ['/ayb'], ['/a/b']],
    ['a[.-0]b', ['/a.b', '/a0b'], ['/a/b']],
    ['[\u{1f600}-\u{1f610}]', ['/\u{1f605}'], ['/\u{1f680}', '/\ud83d']],
    ['*[\u{1f600}]x', ['/\u{1f600}x'], ['/x']],
    ['*[!\u{1f600}]x*', ['/ax'], ['/\u{1f600}x']],
    ['{x,y,{z,w}}', ['/x', '/y', '/z', '/w'], ['/', '/xy', '/{z']],
    ['a{,b}c', ['/ac', '/abc'], ['/abbc']],
    ['{a/b,c}/d', ['/a/b/d', '/c/d'], ['/a/d', '/b/d']],
    ['{**,x}/y', ['/y', '/a/b/y', '/x/y'], ['/x']],
    ['{}', ['/{}'], ['/', '/{']],
    ['{a}', ['/{a}'], ['/a']],
    ['{*}', ['/{}', '/{ab}'], ['/a']],
    ['{a,{b}}', ['/a', '/{b}'], ['/b']],
    ['{a,{}}', ['/a', '/{}'], ['/']],
    ['a,b}', ['/a,b}'], ['/a']],
    ['\\*\\?\\[\\{\\,\\\\', ['/*?[{,\\'], ['/a?[{,\\']],
    ['\\a\\\u{1f600}', ['/a\u{1f600}'], ['/\\a\u{1f600}']],
    ['{a\\,b,c}', ['/a,b', '/c'], ['/a', '/b']],
    ['//a/./b/', ['/a/b'], ['/a', '/a/b/c']],
    ['a/../b', [], ['/b', '/a/../b']],
    ['', ['/'], ['/a']],
    ['**/.*', ['/.a', '/b/.c'], ['/a', '/.a/b']],
  ])('%s', (pattern, matching, others) => {
    const { test: matches } = glob(pattern);
    expect(matching.filter((path) => !matches(path))).toEqual([]);
    expect(others.filter(matches)).toEqual([]);
  });

  test.each([
    ['*.x', '/a', '/a/b.x', '/b.x'],
    ['**', '/a/b', '/a/b/c', '/a/b'],
    ['b', '/a', '/a/b', '/b'],
    ['*', '/a[b]', '/a[b]/c', '/ab/c'],
    ['/a/*.x', '/a', '/a/b.x', '/b.x'],
    ['/a/b/c', '/a', '/a/b/c', '/a/b'],
    ['/**/*.x', '/a', '/a/b.x', '/b.x'],
    ['/*/b', '/a', '/a/b', '/c/b'],
  ])('%s below %s has %s and not %s', (pattern, base, matching, other) => {
    expect(glob(pattern, base).test(matching)).toBe(true);
    expect(glob(pattern, base).test(other)).toBe(false);
  });

  test.each([
    ['/b/*.x', '/a'],
    ['/ab/**', '/a'],
    ['{/b,/c}/d', '/a'],
    ['../x', '/a'],
  ])('%s lies elsewhere than %s', (pattern, base) => {
    expect(glob(pattern, base)).toMatchObject({ never: true, prefix: base });
  });
});

test.each([
  ['**/*.x', '/', '/'],
  ['a/b/*.x', '/', '/a/b'],
  ['a/b/**/c', '/', '/a/b'],
  ['a/b/c.x', '/', '/a/b/c.x'],
  ['*.x', '/a/b', '/a/b'],
  ['{a/b,a/c}/*', '/', '/a'],
  ['{a/b,a/bc}', '/', '/a'],
  ['{a,a/b}', '/', '/a'],
  ['/**', '/a/b', '/a/b'],
  ['/a/b/c/*', '/a', '/a/b/c'],
])('a scan for %s below %s begins at %s', (pattern, base, prefix) => {
  expect(glob(pattern, base).prefix).toBe(prefix);
});

test.each([
  ['a/*/c.x', ['/', '/a', '/a/b'], ['/b', '/a/b/c', '/ab']],
  ['a/**/c', ['/', '/a', '/a/b/c/d'], ['/b']],
  ['a?/b/*', ['/', '/ax', '/ax/b'], ['/a', '/ax/c', '/ax/b/c']],
  ['a/b', ['/', '/a'], ['/a/b', '/a/c']],
])('%s is looked for below %s', (pattern, inside, outside) => {
  const { mayContain } = glob(pattern);
  expect(inside.filter((directory) => !mayContain(directory))).toEqual([]);
  expect(outside.filter(mayContain)).toEqual([]);
});

describe('faults', () => {
  test.each([
    ['a[bc', 1, 'unclosed "["'],
    ['[', 0, 'unclosed "["'],
    ['[]', 0, 'unclosed "["'],
    ['[a\\', 0, 'unclosed "["'],
    ['\u{1f600}{a,b', 1, 'unclosed "{"'],
    ['{a,{b,c}', 0, 'unclosed "{"'],
    ['{a,[}', 3, 'unclosed "["'],
    ['ab\\', 2, 'a trailing "\\" escapes nothing'],
    ['[z-a]', 1, 'the range z-a is empty'],
    ['{1,2}'.repeat(10), 0, 'the braces multiply out to more than the limit BRACE_ALTERNATIVES of 1000'],
  ])('%s', (pattern, position, reason) => {
    const fault = faultOf(pattern);
    expect(fault).toMatchObject({ code: 'INVALID_PATTERN', data: { pattern, position, reason } });
    expect(fault.message).toContain(reason);
  });

  test('alternatives are counted as they multiply out, up to the limit', () => {
    const ten = '{0,1,2,3,4,5,6,7,8,9}';
    expect(glob(ten.repeat(3)).test('/907')).toBe(true);
    expect(faultOf(`${ten.repeat(3)}{a,b}`).data.position).toBe(0);
    expect(faultOf(ten.repeat(190)).code).toBe('INVALID_PATTERN');
    expect(faultOf(`{${ten.repeat(3)},a}`).code).toBe('INVALID_PATTERN');
  });

  test('limits are arguments', () => {
    const limits = { PATTERN_BYTES: 5, BRACE_ALTERNATIVES: 2 };
    expect(() => compileGlob('{a,b,c}', '/', { ...limits, PATTERN_BYTES: 9 })).toThrow('BRACE_ALTERNATIVES of 2');
    expect(() => compileGlob('\u00e9\u00e9\u00e9', '/', limits)).toThrow('6 bytes pass the limit PATTERN_BYTES of 5');
    expect(compileGlob('\u00e9\u00e9b', '/', limits).test('/\u00e9\u00e9b')).toBe(true);
  });

  test('a pattern that is too long is not repeated whole', () => {
    expect(faultOf('a'.repeat(4097)).data.pattern).toBe('a'.repeat(200));
    expect(glob('a'.repeat(4096)).never).toBe(false);
  });

  test('depth is no danger', () => {
    expect(faultOf('{'.repeat(4096)).data.position).toBe(4095);
    expect(glob(`${'{'.repeat(2048)}${'}'.repeat(2048)}`).never).toBe(false);
    expect(glob(`${'{a,'.repeat(990)}${'}'.repeat(990)}`).test('/a')).toBe(true);
  });
});

/** Were anything tried twice here, these would take years. */
test.each([
  ['*a*a*a*a*a*a*b', `/${'a'.repeat(200_000)}`],
  ['**/*a*a*a*a*a*a*b', `/x/${'a'.repeat(200_000)}`],
  ['**/a/**/a/**/a/**/a/**/b', '/a'.repeat(100_000)],
  ['**/*a*/**/*a*/**/*a*/b', '/aaa'.repeat(50_000)],
  ['*?a*?a*?a*[a]b', `/${'a'.repeat(50_000)}`],
])('%s takes no longer than the path', (pattern, path) => {
  expect(glob(pattern).test(path)).toBe(false);
});

/** A pattern as a tree: written out as text for the glob, multiplied out for the plain matcher. */
type Part =
  | { readonly is: 'text'; readonly char: string; readonly escaped: boolean }
  | { readonly is: 'star' | 'one' | 'slash' | 'stars' }
  | { readonly is: 'class'; readonly negated: boolean; readonly members: string }
  | { readonly is: 'braces'; readonly branches: readonly (readonly Part[])[] };

const SPECIAL = /[*?[\]{},\\!^-]/;

function write(parts: readonly Part[]): string {
  return parts.map(writePart).join('');
}

function writePart(part: Part): string {
  switch (part.is) {
    case 'text':
      return part.escaped || SPECIAL.test(part.char) ? `\\${part.char}` : part.char;
    case 'class':
      return `[${part.negated ? '!' : ''}${part.members.replace(/[\]\\^!-]/g, '\\$&')}]`;
    case 'braces':
      return `{${part.branches.map(write).join(',')}}`;
    default:
      return { star: '*', stars: '**', one: '?', slash: '/' }[part.is];
  }
}

function multiply(parts: readonly Part[]): Part[][] {
  return parts.reduce<Part[][]>(
    (done, part) => {
      const ends = part.is === 'braces' ? part.branches.flatMap(multiply) : [[part]];
      return done.flatMap((start) => ends.map((end) => [...start, ...end]));
    },
    [[]],
  );
}

function plainMatch(parts: readonly Part[], path: string): boolean {
  return multiply(parts).some((flat) => {
    const names: Part[][] = [[]];
    for (const part of flat.flatMap((one): Part[] => (one.is === 'stars' ? [{ is: 'star' }, { is: 'star' }] : [one]))) {
      if (part.is === 'slash') names.push([]);
      else names.at(-1)!.push(part);
    }
    const wanted = names.filter(
      (name) => name.length > 0 && !(name.length === 1 && 'char' in name[0]! && name[0].char === '.'),
    );
    return plainNames(
      wanted,
      path.split('/').filter((name) => name !== ''),
    );
  });
}

function plainNames(wanted: readonly Part[][], names: readonly string[]): boolean {
  const [first, ...rest] = wanted;
  if (!first) return names.length === 0;
  if (first.length === 2 && first.every(({ is }) => is === 'star')) {
    const least = rest.length === 0 ? 1 : 0;
    for (let skipped = least; skipped <= names.length; skipped++)
      if (plainNames(rest, names.slice(skipped))) return true;
    return false;
  }
  return names.length > 0 && plainName(first, Array.from(names[0]!)) && plainNames(rest, names.slice(1));
}

function plainName(parts: readonly Part[], chars: readonly string[]): boolean {
  const [first, ...rest] = parts;
  if (!first) return chars.length === 0;
  if (first.is === 'star') return plainName(rest, chars) || (chars.length > 0 && plainName(parts, chars.slice(1)));
  const [char, ...others] = chars;
  if (char === undefined) return false;
  if (first.is === 'text' && first.char !== char) return false;
  if (first.is === 'class' && Array.from(first.members).includes(char) === first.negated) return false;
  return plainName(rest, others);
}

const CHARS = ['a', 'b', '.', '\u{1f600}', '-', ']', '{', ',', '*'];
const part = fc.letrec<{ part: Part; parts: Part[] }>((tie) => ({
  parts: fc.array(tie('part'), { maxLength: 6, depthIdentifier: 'braces' }),
  part: fc.oneof(
    { depthSize: 'small', depthIdentifier: 'braces' },
    {
      weight: 6,
      arbitrary: fc.record({
        is: fc.constant('text' as const),
        char: fc.constantFrom('a', 'a', 'a', ...CHARS),
        escaped: fc.boolean(),
      }),
    },
    { weight: 6, arbitrary: fc.record({ is: fc.constantFrom('star', 'one', 'slash', 'slash', 'stars') }) },
    {
      weight: 1,
      arbitrary: fc.record({
        is: fc.constant('class' as const),
        negated: fc.boolean(),
        members: fc.string({ unit: fc.constantFrom(...CHARS), minLength: 1, maxLength: 3 }),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        is: fc.constant('braces' as const),
        branches: fc.array(tie('parts'), { minLength: 2, maxLength: 3 }),
      }),
    },
  ),
})).parts;
const name = fc
  .string({ unit: fc.constantFrom('a', 'a', ...CHARS), minLength: 1, maxLength: 4 })
  .filter((text) => !/^\.\.?$/.test(text));
const path = fc.array(name, { maxLength: 5 }).map((names) => `/${names.join('/')}`);

/** Texts that begin with a slash are absolute, and `..` names nothing: both have examples of their own above. */
const relative = part.filter((parts) =>
  multiply(parts).every((flat) => flat[0]?.is !== 'slash' && !write(flat).includes('..')),
);

test('any pattern over any path agrees with the plain matcher', () => {
  fc.assert(
    fc.property(relative, fc.array(path, { minLength: 1, maxLength: 8 }), (parts, paths) => {
      const compiled = glob(write(parts));
      for (const one of paths) expect([one, compiled.test(one)]).toEqual([one, plainMatch(parts, one)]);
    }),
    { numRuns: 2000 },
  );
});

test('what matches lies below the prefix, below the base, and in directories that may contain it', () => {
  fc.assert(
    fc.property(part, path, fc.array(path, { minLength: 1, maxLength: 8 }), (parts, base, paths) => {
      const pattern = write(parts);
      const compiled = glob(pattern, base);
      const below = paths.map((one) => (base === '/' ? one : `${base}${one === '/' ? '' : one}`));
      for (const one of [...paths, ...below].filter(compiled.test)) {
        expect(compiled.never).toBe(false);
        for (const above of [compiled.prefix, base]) expect(one === above || isBelow(one, above)).toBe(true);
        for (let at = one.lastIndexOf('/'); one !== '/' && at >= 0; at = one.lastIndexOf('/', at - 1)) {
          expect(compiled.mayContain(one.slice(0, at) || '/')).toBe(true);
          if (at === 0) break;
        }
      }
    }),
    { numRuns: 2000 },
  );
});

test('many alternatives that end in text are found by their end', () => {
  const words = Array.from({ length: 300 }, (_, index) => `w${index.toString(36)}`);
  const compiled = glob(`**/{${words.join(',')},x*}.{c,h}`);
  expect(words.every((word) => compiled.test(`/a/${word}.c`) && compiled.test(`/${word}.h`))).toBe(true);
  expect(['/a/w.c', '/a/w1.cc', '/a/1.c', '/a/x.d', '/'].filter(compiled.test)).toEqual([]);
  expect(compiled.test('/a/xyz.h')).toBe(true);
  const folders = glob('d{0,1,2,3,4,5,6,7,8,9}/*.c');
  expect(['/d0/a.c', '/d9/.c'].filter(folders.test)).toEqual(['/d0/a.c', '/d9/.c']);
  expect(['/d0/a.h', '/d0', '/e/a.c'].filter(folders.test)).toEqual([]);
});
