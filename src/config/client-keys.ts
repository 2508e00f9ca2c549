/** Settings of commands that call a server (environment.ts reads them): no part of what a server goes by. */
import { waitingForWorkflows } from './awaited.ts';
import { CLIENT_URL } from './environment.ts';
import { type Key, text } from './kinds.ts';

export const CLIENT_KEYS: Readonly<Record<string, Key<string>>> = {
  URL: text('where commands find the server', CLIENT_URL),
  API_KEY: { ...text('with which key commands call it', ''), secret: true },
  SESSION: waitingForWorkflows(text('session that commands belong to', '')),
  TENANT: text('zone that commands are for, else that of the key', ''),
  TARGET: waitingForWorkflows(text('environment of workflows that commands are for', 'development')),
};
