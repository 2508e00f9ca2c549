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

type Subject = Pick<Doer, 'subject_type' | 'subject_id'>;

export const subjectText = ({ subject_type, subject_id }: Subject): string => `${subject_type}:${subject_id}`;

/** The zone of somebody who is at home in another one than this: "`user:a` of two zones are two people" (access.md §8). */
export const foreignZoneOf = (
  { zone_id, key_id }: { readonly zone_id?: string; readonly key_id: string | null },
  here: string,
): string | undefined => (zone_id === here || key_id === null ? undefined : zone_id);

/** Whose is what a caller makes in a zone: his zone stands before him where he is at home in another. */
export function ownerText(caller: Subject & Pick<Doer, 'zone_id' | 'key_id'>, here: string): string {
  const home = foreignZoneOf(caller, here);
  return home === undefined ? subjectText(caller) : `${home}/${subjectText(caller)}`;
}

const HOME = /^([^/:]+)\/(.*)$/s;

/** Where he is at home who is told so, unless it is where it was told; and his subject. */
export function ownerOfText(text: string): { readonly zone_id: string | undefined; readonly subject: string } {
  const [, zone_id, subject = text] = HOME.exec(text) ?? [];
  return { zone_id, subject };
}

/** The caller, unless the server does it for somebody's job. */
export const doerOf = ({ asker, caller }: { readonly asker?: Doer | undefined; readonly caller: Doer }): Doer =>
  asker ?? caller;
