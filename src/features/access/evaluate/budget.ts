/** Nodes that one check may visit (access.md §10). Guarantee: one more is LIMIT_EXCEEDED. */
import { limitExceeded } from '../../../base/limits.ts';
import type { Budget } from './closure.ts';

export class NodeBudget implements Budget {
  private visited = 0;
  private readonly maximum: number;

  constructor(maximum: number) {
    this.maximum = maximum;
  }

  visit(): void {
    if (++this.visited > this.maximum) this.exceed();
  }

  again(): NodeBudget {
    return new NodeBudget(this.maximum);
  }

  exceed(): never {
    throw limitExceeded('CHECK_NODES', this.maximum, { actual: this.visited, what: 'nodes of one check' });
  }
}
