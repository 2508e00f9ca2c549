/** Answers of stores: what is read of them, and what ends them early. */
import { expect, test } from 'vitest';
import { childrenOf, failureOf, rootOf, textOf } from './xml.ts';

test('texts are read by the names of elements, whatever they are written in', () => {
  const root = rootOf(
    `<?xml version="1.0" encoding="UTF-8"?>
    <L xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><C><Key>a&amp;b&#x20;c</Key></C><C><Key><![CDATA[<d>]]></Key><ETag/></C></L>`,
    'L',
  );
  expect(childrenOf(root, 'C').map((each) => textOf(each, 'Key'))).toEqual(['a&b c', '<d>']);
  expect(textOf(root, 'Key')).toBe('');
});

test('an error is one, also within an answer that began well', () => {
  const error = '<Error><Code>InternalError</Code><Message>later</Message></Error>';
  expect(() => rootOf(error, 'L')).toThrow('InternalError: later');
  expect(failureOf(403, error.replace('InternalError', 'AccessDenied'))).toMatchObject({
    status: 403,
    code: 'AccessDenied',
    passes: false,
  });
  expect(failureOf(200, error)).toMatchObject({ status: 500, passes: true });
  expect(failureOf(502, '<html>')).toMatchObject({ status: 502, code: 'Status502', passes: true });
});

test.each([
  ['nothing', ''],
  ['no XML', '{"a": 1}'],
  ['another document', '<M/>'],
  ['half a document', '<L><C>'],
  ['an entity of its own', '<!DOCTYPE L [<!ENTITY e "e">]><L>&e;</L>'],
  ['too many elements', `<L>${'<C/>'.repeat(100_000)}</L>`],
  ['elements too deep', '<L>'.repeat(100_000)],
])('%s is nothing that can be understood', (_, text) => {
  expect(() => rootOf(text, 'L')).toThrow(expect.objectContaining({ code: 'UnknownAnswer' }));
});
