/** Three base64url parts with dots between, the last of which may be empty: a JWT, and never a key (access.md §1). */
export const isTokenForm = (text: string): boolean => /^[\w-]+\.[\w-]+\.[\w-]*$/.test(text);
