/**
 * The environment: the only reader of it, and what a client takes from it. Loads nothing, so that a client command need not know
 * the settings of a server.
 */

export type Environment = Readonly<Record<string, string | undefined>>;

/** The environment of this process. */
export const readEnvironment = (): Environment => process.env;

/** What the client's side takes from the environment (workflows.md §6). */
export interface ClientSettings {
  readonly url: string;
  readonly key: string | undefined;
  readonly zone: string | undefined;
  /** Directory of the key file. */
  readonly configHome: string;
  readonly color: boolean;
}

export function clientSettings(environment: Environment): ClientSettings {
  const home = environment.XDG_CONFIG_HOME || (environment.HOME ? `${environment.HOME}/.config` : '.');
  return {
    url: environment.NEXUS_URL || 'http://127.0.0.1:2026',
    key: environment.NEXUS_API_KEY || undefined,
    zone: environment.NEXUS_TENANT || undefined,
    configHome: home,
    color: !environment.NO_COLOR,
  };
}
