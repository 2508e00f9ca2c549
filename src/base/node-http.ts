/**
 * Servers and clients of `node:http`. An import of that module also loads everything that it offers beside, a client for
 * WebSockets among it, which is 16 MB in each thread; this way it loads what is used.
 */
export const { Agent, createServer, request, validateHeaderName, validateHeaderValue } =
  process.getBuiltinModule('node:http');

/** TLS is loaded when it is used first: it is 9 MB. */
export const https = (): typeof import('node:https') => process.getBuiltinModule('node:https');
export const tls = (): typeof import('node:tls') => process.getBuiltinModule('node:tls');
