import { isRecord } from '../../domain/json.ts';
import type { Recipient } from '../../domain/trigger.ts';

/** A verdict that was checked, with its recipients. */
export type CheckedVerdict =
  | { readonly notify: false; readonly because: string | undefined }
  | { readonly notify: true; readonly because: string; readonly recipients: readonly Recipient[] };

/**
 * The value that `evaluate` returned, as a verdict. Checked by hand: nearly every verdict of a run is `notify: false`,
 * and a schema takes longer than the evaluation.
 * @param own the trigger's recipients
 * @throws TypeError saying what `evaluate` must return
 */
export function checkedVerdict(answer: unknown, own: readonly Recipient[]): CheckedVerdict {
  if (!isRecord(answer)) throw noVerdict(`it returned ${kindOf(answer)}`);
  const { notify, because, recipients } = answer;
  if (notify === false) {
    if (because === undefined || typeof because === 'string') return { notify, because };
    throw noVerdict(`because must be text, and is ${kindOf(because)}`);
  }
  if (notify !== true) throw noVerdict(`notify must be true or false, and is ${kindOf(notify)}`);
  if (because === undefined) throw noVerdict('because is missing');
  if (typeof because !== 'string' || because === '') {
    throw noVerdict(`because must be text, and is ${because === '' ? 'empty' : kindOf(because)}`);
  }
  return { notify, because, recipients: recipients === undefined ? own : ownRecipients(recipients, own) };
}

/** A trigger notifies its own recipients only, each once. */
function ownRecipients(named: unknown, own: readonly Recipient[]): readonly Recipient[] {
  if (!Array.isArray(named)) throw noVerdict(`recipients must be an array, and is ${kindOf(named)}`);
  const ids = new Set(named.map((recipient: unknown) => (isRecord(recipient) ? recipient.id : recipient)));
  const recipients = own.filter(({ id }) => ids.has(id));
  if (recipients.length === ids.size) return recipients;
  throw noVerdict('recipients must be some of context.recipients, and one of them is not');
}

function noVerdict(mistake: string): TypeError {
  return new TypeError(
    `evaluate must return { notify: false } or { notify: true, because: 'text', recipients }; ${mistake}`,
  );
}

/** A text isn't quoted: it may come from an event, and the message is logged. */
function kindOf(value: unknown): string {
  if (value === null || ['undefined', 'boolean', 'number'].includes(typeof value)) return String(value);
  if (typeof value === 'string') return 'text';
  if (typeof value === 'function') return 'a function';
  return Array.isArray(value) ? 'an array' : 'an object';
}
