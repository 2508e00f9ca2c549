/** What the configuration switches on for the whole server, by the flag that opens it to roles (infrastructure.md §6). */

export const FLAGS = ['ml_plugins', 'raw_mode', 'shadow_execution'] as const;
export type FlagName = (typeof FLAGS)[number];

export type Switches = Readonly<Record<FlagName, boolean>>;
