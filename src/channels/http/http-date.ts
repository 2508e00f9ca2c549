/** Times as HTTP writes them (RFC 9110 §5.6.7): whole seconds, in one form out and three forms in. */

const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');
const DAY = '(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)';
const LONG_DAY = '(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day';
const MONTH = `(?<month>${MONTHS.join('|')})`;
const CLOCK = '(?<hour>[01]\\d|2[0-3]):(?<minute>[0-5]\\d):(?<second>[0-5]\\d|60)';

const FORMS = [
  `${DAY}, (?<day>\\d\\d) ${MONTH} (?<year>\\d{4}) ${CLOCK} GMT`,
  `${LONG_DAY}, (?<day>\\d\\d)-${MONTH}-(?<year>\\d\\d) ${CLOCK} GMT`,
  `${DAY} ${MONTH} (?<day>[ \\d]\\d) ${CLOCK} (?<year>\\d{4})`,
].map((form) => new RegExp(`^${form}$`));

/** Milliseconds of an HTTP date; undefined for a text that is none. `now` decides on the century of two-digit years. */
export function parseHttpDate(text: string, now: number): number | undefined {
  const found = FORMS.map((form) => form.exec(text)?.groups).find((groups) => groups !== undefined);
  if (!found) return undefined;
  const { day = '', month = '', year = '', hour = '', minute = '', second = '' } = found;
  const month0 = MONTHS.indexOf(month);
  const at = new Date(0);
  at.setUTCFullYear(year.length === 2 ? fullYear(Number(year), now) : Number(year), month0, Number(day));
  if (at.getUTCMonth() !== month0) return undefined;
  return at.setUTCHours(Number(hour), Number(minute), Number(second));
}

/** "a timestamp that appears to be more than 50 years in the future" is of the century before. */
function fullYear(twoDigits: number, now: number): number {
  const thisYear = new Date(now).getUTCFullYear();
  const year = thisYear - (thisYear % 100) + twoDigits;
  return year > thisYear + 50 ? year - 100 : year;
}

const dates = new Map<number, string>();
/** Files that are read again and again have few dates. */
const DATES_MOST = 1_000;

/** An instant as an HTTP date; the part of a second is left out. */
export function httpDate(ms: number): string {
  const known = dates.get(ms);
  if (known !== undefined) return known;
  if (dates.size >= DATES_MOST) dates.clear();
  const made = new Date(ms).toUTCString();
  dates.set(ms, made);
  return made;
}

/** The second that an HTTP date of this instant names, in milliseconds. */
export const wholeSecond = (ms: number): number => ms - (ms % 1000);
