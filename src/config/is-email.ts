import validatorEmail from 'validator/lib/isEmail.js';

// The types of validator don't say that its function is the default export itself too.
const isAddress = validatorEmail.default;

/**
 * Whether SES could accept the address, which must be of ASCII only. It need not exist. A domain without a dot is enough for
 * a local SES.
 */
export function isEmail(value: string): boolean {
  return (
    isAddress(value, { allow_utf8_local_part: false, require_tld: false }) && /^[\x21-\x7e]+$/.test(value)
  );
}
