/** What clients see of the event log. */
import { eventFollow, eventWatch } from './follow.operations.ts';
import { eventSight, eventStep } from './follow.ts';
import { eventList, eventOperations } from './list.operations.ts';
import { eventPublish } from './publish.operations.ts';
import { eventPiece, eventReplay } from './replay.operations.ts';
import { eventTail } from './tail.ts';

export const feedOperations = [
  eventList,
  eventOperations,
  eventReplay,
  eventPiece,
  eventFollow,
  eventWatch,
  eventPublish,
  eventTail,
  eventStep,
  eventSight,
];
