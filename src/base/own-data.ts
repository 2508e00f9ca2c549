/** Schema of plain data of the server's own: it crosses threads and no door, so it is what its type says. */
import { z } from 'zod';

export const own = <T>() => z.custom<T>(() => true);
