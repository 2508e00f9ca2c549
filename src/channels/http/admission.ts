/**
 * Whether a request comes in: first the rate of what it presents, then the credential itself (files.md §2). Guarantees:
 * what is refused for its rate says when to come back; an answer that is limited says how far; only credentials that fail
 * count as failures, and only they are refused for those.
 */
import type { FastifyContextConfig, FastifyReply, FastifyRequest } from 'fastify';
import { Fault } from '../../base/faults.ts';
import { NOWHERE, slotName, slotOf } from '../../core/rate-slots.ts';
import type { Budget } from '../../features/limits/budget.ts';
import { arrive, refuse } from './audit-marks.ts';
import type { Admitted, Door, Known } from './door.ts';
import { countedFromHere, presented } from './local.ts';
import { addressOf } from './peer.ts';
import { brickOfMethod, slotOfMethod } from './rpc-methods.ts';

/** Budgets of failures have one bucket. */
const FAILURES_SLOT = 0;
const NOWHERE_SLOT = slotOf(NOWHERE);
const NOBODY: Admitted = { caller: undefined, budget: undefined };

export interface Admission {
  readonly door: Door;
  readonly reply: FastifyReply;
  readonly config: FastifyContextConfig;
}

/** Who asks; throws RATE_LIMITED, then UNAUTHENTICATED where the route takes nobody. At once where it can be told. */
export function admit(request: FastifyRequest, admission: Admission): Admitted | Promise<Admitted> {
  const { door, config } = admission;
  if (config.exempt) return NOBODY;
  const open = isOpen(request, config);
  const credential = presented(request, door);
  if (credential === undefined) {
    charge(request, admission, door.rates?.ofAddress(addressOf(request, door)));
    if (!open) throw new Fault('UNAUTHENTICATED', 'Invalid or missing API key');
    checkBrick(request, admission);
    return NOBODY;
  }
  const known = open ? door.callers.ask(credential) : door.callers.find(credential);
  return known instanceof Promise
    ? known.then((asked) => judged(request, admission, asked))
    : judged(request, admission, known);
}

function judged(request: FastifyRequest, admission: Admission, asked: Known): Admitted | Promise<Admitted> {
  const { config, door } = admission;
  const known = countedFromHere(request, door, asked);
  if (known.caller) {
    door.metrics.count('auth.success');
    charge(request, admission, known.budget);
    checkBrick(request, admission);
    const logged = arrive(request, door, known);
    return logged ? logged.then(() => known) : known;
  }
  countFailure(request, admission);
  charge(request, admission, door.rates?.ofUnknown(known.hash));
  return refuse(request, door, known).then(() => {
    if (!isOpen(request, config) || config.strict) throw known.refusal;
    checkBrick(request, admission);
    return NOBODY;
  });
}

/** UNAVAILABLE where what is asked for is off: that is told before any look at the body (infrastructure.md §1). */
function checkBrick(request: FastifyRequest, { door, config }: Admission): void {
  const { bricks } = door.server;
  if (!bricks.isAnyOff) return;
  const brick = config.rpc ? brickOfMethod((request.params as { method?: string }).method) : config.brick;
  if (brick) bricks.check(brick);
}

/** A credential has failed: RATE_LIMITED where its address has presented too many of them. */
export function countFailure(request: FastifyRequest, { door, reply }: Admission): void {
  if (!door.rates) return;
  const failures = {
    budget: door.rates.failuresOf(addressOf(request, door)),
    slot: FAILURES_SLOT,
    now: door.rates.now(),
  };
  take(reply, failures, tooManyFailures);
}

function charge(request: FastifyRequest, { door, reply, config }: Admission, budget: Budget | undefined): void {
  if (budget && door.rates) take(reply, { budget, slot: slotOfRequest(request, config), now: door.rates.now() });
}

interface Taking {
  readonly budget: Budget;
  readonly slot: number;
  readonly now: number;
}

function take(reply: FastifyReply, taking: Taking, refusal = rateLimited): void {
  const wait = taking.budget.take(taking.slot, taking.now);
  tellBudget(reply, taking);
  if (wait > 0) throw refusal(taking, wait);
}

/** What is left, on every answer that is limited. */
function tellBudget(reply: FastifyReply, { budget, slot, now }: Taking): void {
  reply
    .header('x-ratelimit-limit', budget.limitText)
    .header('x-ratelimit-remaining', String(budget.remaining(slot, now)))
    .header('x-ratelimit-reset', String(budget.resetSeconds(slot, now)));
}

const secondsOf = (wait: number): number => Math.max(1, Math.ceil(wait / 1000));

/** Whatever was asked for: all operations have one number of these. */
function tooManyFailures({ budget }: Taking, wait: number): Fault {
  const retry_after = secondsOf(wait);
  const limit = budget.perMinute;
  const many = `More than ${limit} credentials a minute from this address do not work`;
  return new Fault('RATE_LIMITED', `${many}; try again in ${retry_after} s, or with one that does`, {
    limit,
    retry_after,
  });
}

function rateLimited({ budget, slot }: Taking, wait: number): Fault {
  const retry_after = secondsOf(wait);
  const limit = budget.perMinute;
  return new Fault('RATE_LIMITED', `More than ${limit} requests a minute; try again in ${retry_after} s`, {
    operation: slotName(slot),
    limit,
    retry_after,
  });
}

/** Takes one request for each call of an array, of all or of none. */
export function chargeCalls(slots: readonly number[], reply: FastifyReply, { budget, door }: CallsCharge): void {
  if (!budget || !door.rates) return;
  const now = door.rates.now();
  const counts = [...Map.groupBy(slots, (slot) => slot)].map(([slot, { length }]) => ({ slot, count: length }));
  for (const { slot, count } of counts) {
    if (count > budget.perMinute) throw neverPasses(budget, slot, count);
    const wait = budget.wait(slot, now, count);
    if (wait > 0) throw rateLimited({ budget, slot, now }, wait);
  }
  for (const { slot, count } of counts) budget.take(slot, now, count);
  const tightest = counts.toSorted((a, b) => budget.remaining(a.slot, now) - budget.remaining(b.slot, now))[0];
  if (tightest) tellBudget(reply, { budget, slot: tightest.slot, now });
}

/** More of one operation than a bucket holds when it is full: to come back later would not help. */
function neverPasses({ perMinute: maximum }: Budget, slot: number, count: number): Fault {
  const operation = slotName(slot);
  const message = `Invalid request: the array holds ${count} calls of ${operation}, ${maximum} a minute are allowed`;
  return new Fault('INVALID_REQUEST', message, { operation, maximum });
}

export interface CallsCharge {
  readonly budget: Budget | undefined;
  readonly door: Door;
}

function slotOfRequest(request: FastifyRequest, config: FastifyContextConfig): number {
  if (!config.rpc) return config.slot ?? NOWHERE_SLOT;
  const { method } = request.params as { method?: string };
  return slotOfMethod(method);
}

/** An OPTIONS request may come from a browser that asks whether it may send credentials at all. */
export const isOpen = (request: FastifyRequest, config: FastifyContextConfig): boolean =>
  config.open === true || request.method === 'OPTIONS';
