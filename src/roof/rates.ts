/** Who may ask this node how often, by the configuration. */
import type { Config } from '../config.ts';
import { Rates, type RateTable } from '../features/limits/rates.ts';
import type { Nodes } from './nodes.ts';

export const rateTable = (config: Config): RateTable => ({
  anonymous: config.RATE_LIMIT_ANONYMOUS_PER_MINUTE,
  unknown: config.RATE_LIMIT_UNKNOWN_PER_MINUTE,
  failures: config.RATE_LIMIT_FAILURES_PER_MINUTE,
  roles: {
    viewer: config.RATE_LIMIT_VIEWER_PER_MINUTE,
    operator: config.RATE_LIMIT_OPERATOR_PER_MINUTE,
    researcher: config.RATE_LIMIT_RESEARCHER_PER_MINUTE,
    admin: config.RATE_LIMIT_ADMIN_PER_MINUTE,
  },
});

/** Each of the live nodes gives its part of the numbers of the configuration. */
export function ratesOf(config: Config, nodes: Pick<Nodes, 'live'>): Rates | undefined {
  if (!config.RATE_LIMIT_ENABLED) return undefined;
  return new Rates({
    table: rateTable(config),
    now: () => performance.now(),
    share: (perMinute) => Math.max(1, Math.floor(perMinute / nodes.live())),
  });
}
