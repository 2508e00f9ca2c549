/**
 * The environment: the only reader of it, and what a client takes from it. Loads nothing, so that a client command need not know
 * the settings of a server.
 */

/** Where commands find a server unless they are told. */
export const CLIENT_URL = 'http://127.0.0.1:2026';

export type Environment = Readonly<Record<string, string | undefined>>;

/** The environment of this process. */
export const readEnvironment = (): Environment => process.env;

/** What the client's side takes from the environment, else from `.env` (workflows.md §6). */
export interface ClientSettings {
  readonly url: string;
  /** The working directory names the address: whoever wrote it there need not be whom a key is for. */
  readonly urlOfFolder?: boolean;
  readonly key: string | undefined;
  readonly keyOfFolder?: boolean;
  readonly zone: string | undefined;
  /** Directory of the key file. */
  readonly configHome: string;
  readonly color: boolean;
}

export function clientSettings(environment: Environment, dotenv: Environment = {}): ClientSettings {
  const ofFolder = (name: string): boolean => !environment[name] && Boolean(dotenv[name]);
  const settingOf = (name: string): string | undefined => environment[name] || dotenv[name] || undefined;
  const home = environment.XDG_CONFIG_HOME || (environment.HOME ? `${environment.HOME}/.config` : '.');
  return {
    url: settingOf('NEXUS_URL') ?? CLIENT_URL,
    urlOfFolder: ofFolder('NEXUS_URL'),
    key: settingOf('NEXUS_API_KEY'),
    keyOfFolder: ofFolder('NEXUS_API_KEY'),
    zone: settingOf('NEXUS_TENANT'),
    configHome: home,
    color: !environment.NO_COLOR,
  };
}
