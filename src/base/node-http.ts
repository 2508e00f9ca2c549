/**
 * Servers and clients of `node:http`. An import of that module also loads everything that it offers beside, a client for
 * WebSockets among it, which is 16 MB in each thread; this way it loads what is used.
 */
export const { Agent, createServer, request } = process.getBuiltinModule('node:http');
