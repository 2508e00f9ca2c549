/** File paths in request targets. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { filePathOf, fileUrlOf } from './file-bytes-path.ts';

describe('a target', () => {
  test.each([
    ['/api/v2/files', '/'],
    ['/api/v2/files/', '/'],
    ['/api/v2/files/a', '/a'],
    ['/api/v2/files/a/', '/a'],
    ['//api//v2/files//a///b//', '/a/b'],
    ['/%61pi/v2/fil%65s/a', '/a'],
    ['/api/v2/files/a?version=1', '/a'],
    ['/api/v2/files/a%3Fb%23c', '/a?b#c'],
    ['/api/v2/files/a%20b+c', '/a b+c'],
    ['/api/v2/files/100%25', '/100%'],
    ['/api/v2/files/%2541', '/%41'],
    ['/api/v2/files/%252e%252e', '/%2e%2e'],
    ['/api/v2/files/%252F', '/%2F'],
    ['/api/v2/files/..a/a..b/...', '/..a/a..b/...'],
    ['/api/v2/files/%C3%A9', '/é'],
    ['/api/v2/files/%F0%9F%98%80', '/😀'],
    ["/api/v2/files/a\\b;c=d&e@f:g!h$i'j(k)l*m,n", "/a\\b;c=d&e@f:g!h$i'j(k)l*m,n"],
  ])('%s names %s', (target, path) => {
    expect(filePathOf(target)).toBe(path);
  });

  test.each([
    '/api/v2/files/.',
    '/api/v2/files/a/../b',
    '/api/v2/files/%2e',
    '/api/v2/files/%2E%2e/etc',
    '/api/v2/files/a/.%2e',
    '/api/v2/files/a%2Fb',
    '/api/v2/files/a%2fb',
    '/api/v2/files/%2F',
    '/api/v2/files/a%00',
    '/api/v2/files/a%0A',
    '/api/v2/files/%7f',
    '/api/v2/files/%zz',
    '/api/v2/files/100%',
    '/api/v2/files/%ff',
    '/api/v2/files/%c0%af',
    '/api/v2/files/%ed%a0%80',
  ])('%s is refused', (target) => {
    expect(() => filePathOf(target)).toThrow(expect.objectContaining({ code: 'INVALID_PATH' }));
  });

  test('made of any path names that path', () => {
    const name = fc
      .string({ unit: 'binary', minLength: 1, maxLength: 12 })
      .filter((text) => text !== '.' && text !== '..' && !/[/\u0000-\u001f\u007f]/.test(text));
    fc.assert(
      fc.property(fc.array(name, { minLength: 1, maxLength: 4 }), (names) => {
        const path = `/${names.join('/')}`;
        expect(filePathOf(fileUrlOf(path))).toBe(path);
      }),
    );
  });
});
