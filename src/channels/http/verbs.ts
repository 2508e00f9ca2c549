/** Which verbs a path has, over all routes: for 405 with `Allow` (platform.md §0) and for OPTIONS. */
import type { FastifyInstance } from 'fastify';

/** The verbs of the routes that a path belongs to; none for an unknown path. */
export type VerbsOf = (path: string) => readonly string[];

interface Known {
  readonly pattern: RegExp;
  readonly verbs: readonly string[];
}

/** Watches the routes that are added from here on. */
export function watchVerbs(app: FastifyInstance): VerbsOf {
  const known: Known[] = [];
  app.addHook('onRoute', ({ url, method, config }) => {
    known.push({ pattern: patternOf(url, config?.endings), verbs: typeof method === 'string' ? [method] : method });
  });
  return (path) => {
    const plain = plainPath(path);
    const verbs = known.filter(({ pattern }) => pattern.test(plain)).flatMap((route) => route.verbs);
    return [...new Set(verbs)].sort();
  };
}

/** Doubled slashes count as one, and the one at the end as none. */
export const plainPath = (path: string): string => path.replace(/\/{2,}/g, '/').replace(/(?<=.)\/$/, '');

/** `endings`: what may stand behind the last slash of a route that takes anything there. */
function patternOf(url: string, endings: readonly string[] | undefined): RegExp {
  const parts = plainPath(url)
    .split('/')
    .map((part) => {
      if (part === '*') return endings ? `(?:.*/)?(?:${endings.join('|')})` : '.*';
      return part.startsWith(':') ? '[^/]+' : part.replace(/[^\w-]/g, '\\$&');
    });
  return new RegExp(`^${parts.join('/') || '/'}$`, 's');
}
