/**
 * Events of applications (platform.md §3.3). Guarantees: a list of them is in the log as a whole or not at all, in its
 * order; nobody publishes an event of the server's own families.
 */
import { z } from 'zod';
import { atIndex } from '../../base/at-index.ts';
import { familyOf, isAppType } from '../../base/event-types.ts';
import { Fault, invalidParams } from '../../base/faults.ts';
import { jsonObject } from '../../base/json-object.ts';
import { limitExceeded } from '../../base/limits.ts';
import { holdsNul, NO_NUL, plainText } from '../../base/texts.ts';
import type { Need } from '../../core/call/access.ts';
import type { Call, NewEvent, Operation } from '../../core/operation.ts';
import { eventId } from './event-line.ts';

const EVENTS_MAX = 1_000;

const type = plainText.describe('app. and 1 to 64 of a-z, 0-9 and _.-');
const path = z.string().describe('what it is about; needs write on it');
const data = jsonObject.refine((value) => !holdsNul(value), NO_NUL).describe('any JSON object');
const published = z.strictObject({ type, path: path.optional(), data: data.optional() });
type Published = z.infer<typeof published>;

const input = z.object({
  type: type.optional(),
  path: path.optional(),
  data: data.optional(),
  events: z
    .array(published)
    .min(1)
    .max(EVENTS_MAX)
    .optional()
    .describe('several of them; of REST, the body may be this list'),
});
type Input = z.infer<typeof input>;

const output = z.object({ events: z.array(z.object({ event_id: z.string(), sequence_number: z.number() })) });

function eventsOf({ events, type: one, ...rest }: Input): readonly Published[] {
  if (events && one === undefined && Object.values(rest).every((value) => value === undefined)) return events;
  if (events) throw invalidParams({ path: 'events', message: 'is given beside a single event; give one of them' });
  if (one === undefined) throw invalidParams({ path: 'type', message: 'is missing' });
  return [{ type: one, ...rest }];
}

const EXAMPLE = 'for example app.build_finished';

/** A type that may be published. */
function appType(given: string, at: string): NewEvent['type'] {
  if (isAppType(given)) return given;
  if (familyOf(given) === 'app') {
    const message = `${JSON.stringify(given.slice(0, 100))} is no name: it has to be app. and 1 to 64 of a-z, 0-9, _ . and -; ${EXAMPLE}`;
    throw invalidParams({ path: `${at}type`, message });
  }
  throw new Fault(
    'ACCESS_DENIED',
    `Access denied: only events of the family app are published, not ${given.slice(0, 100)}; ${EXAMPLE}`,
  );
}

/** What is wrong with one of several names its index. */
const ofSeveral = <T>({ events }: Input, index: number, work: (at: string) => T): T =>
  events === undefined ? work('') : atIndex(index, () => work(`events.${index}.`));

export const eventPublish: Operation<Input, z.infer<typeof output>> = {
  name: 'event.publish',
  summary: 'Publish events of an application: they are in the log, durably, when the answer comes.',
  effect: 'write',
  who: { role: 'operator' },
  input,
  output,
  faults: ['ACCESS_DENIED', 'INVALID_PATH', 'LIMIT_EXCEEDED'],
  http: { method: 'POST', path: '/api/v2/events', status: 201, list: 'events' },
  cli: { words: 'event publish', args: ['type'] },
  mapPaths: (given, map) => ({
    ...given,
    ...(given.path === undefined ? {} : { path: map(given.path) }),
    ...(given.events && {
      events: given.events.map((one, index) =>
        atIndex(index, () => (one.path === undefined ? one : { ...one, path: map(one.path) })),
      ),
    }),
  }),
  needs: (given) =>
    eventsOf(given).flatMap((one, index): Need[] =>
      one.path === undefined
        ? []
        : [{ permission: 'write', path: one.path, ...(given.events === undefined ? {} : { index }) }],
    ),
  run: async (call, given) => {
    const events = eventsOf(given).map((one, index) =>
      ofSeveral(given, index, (at) => {
        const sequence_number = call.event(checked(call, one, at));
        return { event_id: eventId(call.zone.zone_id, sequence_number), sequence_number };
      }),
    );
    return { events };
  },
};

function checked(call: Call, one: Published, at: string): NewEvent {
  const { type: given, data: told } = one;
  const type = appType(given, at);
  const maximum = call.limits.EVENT_DATA_BYTES;
  const actual = told === undefined ? 0 : Buffer.byteLength(JSON.stringify(told));
  if (actual > maximum) throw limitExceeded('EVENT_DATA_BYTES', maximum, { actual, what: `data of ${given}` });
  return { ...one, type };
}
