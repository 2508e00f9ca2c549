/** The few XML documents that stores speak. A text that is none, or another one, is an S3Error. */
import { parseXml, XmlElement } from '@rgrove/parse-xml';
import { S3Error } from './errors.ts';

/** The root element of a document, by its name. */
export function rootOf(text: string, name: string): XmlElement {
  const { root } = parsed(text);
  if (root?.name === name) return root;
  if (root?.name === 'Error') throw errorOf(root, 200);
  throw new S3Error({ status: 0, code: 'UnknownAnswer' }, `the store answered ${root?.name ?? 'nothing'} for ${name}`);
}

function parsed(text: string): ReturnType<typeof parseXml> {
  try {
    return parseXml(text);
  } catch (cause) {
    throw new S3Error({ status: 0, code: 'UnknownAnswer' }, 'the store answered what is no XML', cause);
  }
}

export const childrenOf = (element: XmlElement, name: string): XmlElement[] =>
  element.children.filter((child): child is XmlElement => child instanceof XmlElement && child.name === name);

/** '' where there is no such child. */
export const textOf = (element: XmlElement, name: string): string => childrenOf(element, name)[0]?.text ?? '';

/** What a body says of a failure; the status alone where it says nothing. */
export function failureOf(status: number, body: string): S3Error {
  try {
    const { root } = parseXml(body);
    if (root?.name === 'Error') return errorOf(root, status);
  } catch {
    // A proxy in between answers what it likes.
  }
  return new S3Error({ status, code: `Status${status}` }, `the store answered with status ${status}`);
}

/** An error within an answer that began well can be tried again, like one of the store's own. */
const errorOf = (root: XmlElement, status: number): S3Error => {
  const code = textOf(root, 'Code') || `Status${status}`;
  return new S3Error(
    { status: status === 200 && code === 'InternalError' ? 500 : status, code },
    `${code}: ${textOf(root, 'Message')}`,
  );
};
