/** The clock of this machine: the port's suite. */
import { clockContract } from '../../ports/clock.contract.ts';
import { systemClock } from './system-clock.ts';

clockContract('system', systemClock);
