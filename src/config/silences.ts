import { z } from 'zod';
import { MAX_SILENCE_AUTHOR, MAX_SILENCE_REASON } from '../domain/silence.ts';
import { oneLine } from '../domain/text.ts';
import { databaseCheck, databaseVariables } from './database.ts';
import { logSettings, triggersSettings } from './env.ts';
import { duration, flag, text, wholeNumber } from './values.ts';

/** One line that the database can store. White space and control characters become blanks. */
const reason = text()
  .refine(
    (value) => value.length <= MAX_SILENCE_REASON,
    `must have at most ${MAX_SILENCE_REASON} characters, so that it fits an email`,
  )
  .transform((value) => oneLine(value, MAX_SILENCE_REASON))
  .refine((value) => value !== '', 'must have a visible character');

const author = z
  .string()
  .transform((value) => oneLine(value, MAX_SILENCE_AUTHOR))
  .optional();

interface Given {
  readonly SILENCE_FOR?: unknown;
  readonly SILENCE_UNTIL_USERS?: unknown;
  readonly SILENCE_BECAUSE?: unknown;
  readonly SILENCE_END?: unknown;
}

/** Checks which options go together, also if one of them is wrong, so that every mistake is reported at once. */
const together = z.superRefine<Given>(
  ({ SILENCE_FOR, SILENCE_UNTIL_USERS, SILENCE_BECAUSE, SILENCE_END }, context) => {
    const mistake = (option: string, message: string) =>
      context.addIssue({ code: 'custom', path: [option], message });
    const given = [SILENCE_FOR, SILENCE_UNTIL_USERS, SILENCE_BECAUSE].map((value) => value !== undefined);
    const [time = false, users = false, because = false] = given;
    if (SILENCE_END === true) {
      if (given.includes(true)) mistake('--end', 'excludes --for, --until-users and --because');
      return;
    }
    if (time && users) mistake('--for', 'excludes --until-users: a silence ends by time or by users');
    if (!time && !users) mistake('--for', 'or --until-users is required: how long the silence holds');
    if (!because) mistake('--because', 'is required: the reason, which everyone sees');
  },
  { when: () => true },
);

export const silenceSettings = triggersSettings
  .extend({
    ...databaseVariables,
    SILENCE_FOR: duration('1m', '52w').optional(),
    SILENCE_UNTIL_USERS: wholeNumber(1, 999_999_999).optional(),
    SILENCE_BECAUSE: reason.optional(),
    SILENCE_TRIGGER: text().optional(),
    SILENCE_END: flag().default(false),
    SILENCE_BY: author,
    // The name of the person who uses the shell, as systems differ in the variable.
    USER: author,
    LOGNAME: author,
    USERNAME: author,
  })
  .check(databaseCheck)
  .check(together);

export const silencesSettings = logSettings
  .extend({ ...databaseVariables, SILENCES_JSON: flag().default(false) })
  .check(databaseCheck);

export type SilenceSettings = z.infer<typeof silenceSettings>;
export type SilencesSettings = z.infer<typeof silencesSettings>;
