/** Documents: a relative link in a Markdown file leads to a file or folder that exists, and to a heading in it if it names one. */
import { posix } from 'node:path';
import type { Repo, Rule } from './rule.ts';

const FENCED = /^(```|~~~)[\s\S]*?^\1/gm;
const CODE = /`[^`\n]*`/g;
const LINK = /\]\(\s*<?([^)\s>]+)>?[^)]*\)|^\s*\[[^\]]+\]:\s*<?([^\s>]+)|(?:href|src)="([^"]+)"/gm;
const ELSEWHERE = /^([a-z][a-z0-9+.-]*:|\/\/)/i;

/** Same length, so that offsets still count lines. */
const blank = (text: string): string => text.replace(/[^\n]/g, ' ');

/** The anchor that a heading gets: lower case, blanks to dashes, other punctuation dropped. */
const anchorOf = (heading: string): string =>
  heading
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replace(/\s/g, '-');

function anchorsOf(text: string): string[] {
  return [...text.replace(FENCED, blank).matchAll(/^#{1,6}\s+(.+?)\s*#*$/gm)].map(([, heading]) =>
    anchorOf(heading ?? ''),
  );
}

function broken(repo: Repo, from: string, link: string): string | undefined {
  const [target = '', anchor] = decodeURIComponent(link).split('#');
  const path = target ? posix.join(target.startsWith('/') ? '' : posix.dirname(from), target) : from;
  const text = repo.at(path.replace(/^\/|\/$/g, ''));
  if (text === undefined) return 'nothing there';
  return anchor && path.endsWith('.md') && !anchorsOf(text).includes(anchor) ? 'no such heading' : undefined;
}

export const documentRules: readonly Rule[] = [
  {
    says: 'every relative link of a document resolves',
    breaches: (repo) =>
      repo.documents.flatMap(({ path, text }) =>
        [...text.replace(FENCED, blank).replace(CODE, blank).matchAll(LINK)].flatMap((hit) => {
          const link = hit[1] ?? hit[2] ?? hit[3] ?? '';
          const why = ELSEWHERE.test(link) ? undefined : broken(repo, path, link);
          return why ? [`${path}:${text.slice(0, hit.index).split('\n').length} ${link}: ${why}`] : [];
        }),
      ),
    bad: [
      { 'a.md': '[b](b.md)' },
      { 'docs/a.md': 'see [b](../b.md)', 'docs/b.md': '' },
      { 'a.md': '[b](b.md#there)', 'b.md': '# Here' },
      { 'a.md': '[b]: ./b.md' },
      { 'a.md': '<img src="b.png">' },
    ],
    good: [
      {
        'docs/a.md': '# A `b`: c\n[b](../src/) [c](#a-b-c) [d](https://e.f/g)\n```\n[x](y)\n```\n`[x](y)`',
        'src/a.ts': '//',
      },
    ],
  },
];
