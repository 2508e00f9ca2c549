/**
 * The few XML documents that stores speak. Guarantees: a text that is none, or another one, is an S3Error; one that is made to
 * take long, or much room, ends early, since users may name stores of their own.
 */
import { SaxesParser } from 'saxes';
import { S3Error } from './errors.ts';

/** A page of a list has a thousand objects of some ten elements. */
const ELEMENTS_MAX = 50_000;
const DEPTH_MAX = 8;

export interface Element {
  readonly name: string;
  readonly children: Element[];
  /** What stands in it and not in its children. */
  text: string;
}

/** The root element of a document, by its name. */
export function rootOf(text: string, name: string): Element {
  const root = parsed(text);
  if (root.name === name) return root;
  if (root.name === 'Error') throw errorOf(root, 200);
  throw unknown(`the store answered ${root.name} for ${name}`);
}

function parsed(text: string): Element {
  const roof: Element = { name: '', children: [], text: '' };
  const open = [roof];
  let elements = 0;
  const parser = new SaxesParser();
  const add = (more: string): void => {
    const within = open.at(-1);
    if (within) within.text += more;
  };
  parser.on('opentag', ({ name }) => {
    if (++elements > ELEMENTS_MAX || open.length > DEPTH_MAX) throw unknown('the store answers without an end');
    const element: Element = { name, children: [], text: '' };
    open.at(-1)?.children.push(element);
    open.push(element);
  });
  parser.on('closetag', () => open.pop());
  parser.on('text', add);
  parser.on('cdata', add);
  parser.on('error', (cause) => {
    throw unknown('the store answered what is no XML', cause);
  });
  parser.write(text).close();
  return roof.children[0] ?? roof;
}

export const childrenOf = (element: Element, name: string): Element[] =>
  element.children.filter((child) => child.name === name);

/** '' where there is no such child. */
export const textOf = (element: Element, name: string): string =>
  element.children.find((child) => child.name === name)?.text ?? '';

/** What a body says of a failure; the status alone where it says nothing. */
export function failureOf(status: number, body: string): S3Error {
  try {
    const root = parsed(body);
    if (root.name === 'Error') return errorOf(root, status);
  } catch {
    // A proxy in between answers what it likes.
  }
  return new S3Error({ status, code: `Status${status}` }, `the store answered with status ${status}`);
}

/** An error within an answer that began well can be tried again, like one of the store's own. */
function errorOf(root: Element, status: number): S3Error {
  const code = textOf(root, 'Code') || `Status${status}`;
  const known = status === 200 && code === 'InternalError' ? 500 : status;
  return new S3Error({ status: known, code }, `${code}: ${textOf(root, 'Message')}`.slice(0, 1_000));
}

const unknown = (message: string, cause?: unknown): S3Error =>
  new S3Error({ status: 0, code: 'UnknownAnswer' }, message, cause);
