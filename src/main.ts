/** The program as a library: start a server with a configuration given as a value. */
export { type Config, ConfigError, loadConfig } from './config.ts';
export { type Running, type StartOptions, start } from './roof/server.ts';
