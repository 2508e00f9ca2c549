/** Any JSON value, in one schema for all who take or give one, under one name in the documents that are made of it. */
import { z } from 'zod';

export const jsonValue = z.json();
z.globalRegistry.add(jsonValue, { id: 'JsonValue' });
