/** Texts that may go into a row. */

/** No lone surrogate, which has no UTF-8 form, and no NUL, which PostgreSQL does not take. */
export const isPlainText = (text: string): boolean => text.isWellFormed() && !text.includes('\u0000');

export const NOT_PLAIN = 'may hold neither a NUL nor a lone surrogate';
