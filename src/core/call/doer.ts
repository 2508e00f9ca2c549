/** Whose doing a change is, as events, the audit log and facts of files tell it. Plain data: it crosses threads. */

export interface Doer {
  readonly subject_type: string;
  readonly subject_id: string;
  readonly user_id: string;
  readonly zone_id: string;
  readonly key_id: string | null;
  readonly agent_id: string | null;
}

/** Of whom an event tells. */
export interface EventDoer extends Pick<Doer, 'user_id' | 'agent_id'> {
  /** `type:id`; the user or the agent unless given. */
  readonly subject?: string | undefined;
}

/** The caller, unless the server does it for somebody's job. */
export const doerOf = ({ asker, caller }: { readonly asker?: Doer | undefined; readonly caller: Doer }): Doer =>
  asker ?? caller;
