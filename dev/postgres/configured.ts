import { z } from 'zod';
import { migrateSettings, readSettings } from '../../src/config/env.ts';
import type { Variables } from '../../src/config/variables.ts';

const { DATABASE_URL, DATABASE_URL_FILE } = migrateSettings.shape;
const optional = z.object({ DATABASE_URL: DATABASE_URL.optional(), DATABASE_URL_FILE });

/** The server to use instead of a private one: that of `DATABASE_URL`, or of the file in `DATABASE_URL_FILE`. */
export function configuredServer(variables: Variables): string | undefined {
  return readSettings(optional, variables).DATABASE_URL;
}
