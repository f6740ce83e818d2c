import { closest } from '../../watcher/triggers/spelling.ts';
import type { Given } from '../given.ts';

/** A variable that is set and doesn't do what its name promises. */
export interface Note {
  readonly variable: string;
  /** The rest of a sentence that begins with the name. */
  readonly note: string;
}

/** Variables that people expect to have an effect. */
const IGNORED: Readonly<Record<string, string>> = {
  DJANGO_SECRET_KEY: 'is ignored: no command needs it any more',
  DATADOG_API_KEY: 'is ignored: the Datadog agent has a key of its own',
  AWS_REGION: 'is ignored: AWS_DEFAULT_REGION is the region of SQS and SES',
  AWS_CA_BUNDLE: 'is ignored: use NODE_EXTRA_CA_CERTS',
  REQUESTS_CA_BUNDLE: 'is ignored: use NODE_EXTRA_CA_CERTS',
  ALL_PROXY: 'is ignored: use HTTPS_PROXY and HTTP_PROXY',
  all_proxy: 'is ignored: use https_proxy and http_proxy',
};

/** Only bec-alerts has variables that begin so. */
const OUR_BEGINNING =
  /^(?:PROCESSOR|WATCHER|SQS|SES|ALERT|DEAD_LETTERS|SILENCE|SILENCES|BACKTEST|EXPLAIN|STATUS|SIMULATE|CANARY)_/;
/** Kubernetes sets these for a service with the name before them, such as `watcher`. */
const OF_KUBERNETES = /_SERVICE_(?:HOST|PORT)|_PORT(?:_\d+_(?:TCP|UDP).*)?$/;
/** The SDK has an endpoint for each service of AWS. */
const OF_OTHERS = /^AWS_ENDPOINT_URL_|^(?:ftp|rsync)_proxy$/i;
/** A shorter name is like too many others. */
const SHORTEST = 8;

/** @param known the variables of all commands */
export function notesOn({ variables, dotEnv }: Given, known: readonly string[]): Note[] {
  const names = Object.keys(variables).filter((name) => (variables[name] ?? '') !== '');
  return [
    ...names.flatMap((variable) => {
      const note = IGNORED[variable] ?? (known.includes(variable) ? null : unknownNote(variable, known));
      return note === null ? [] : [{ variable, note }];
    }),
    ...halfKey(names),
    ...dotEnv.overridden
      .filter((name) => known.includes(name))
      .map((variable) => ({
        variable,
        note: 'has another value in the .env file: the environment overrides it',
      })),
  ];
}

function unknownNote(name: string, known: readonly string[]): string | null {
  if (OF_KUBERNETES.test(name) || OF_OTHERS.test(name) || name.length < SHORTEST) return null;
  const meant = closest(name, known);
  if (meant !== null) return `has no effect: did you mean ${meant}?`;
  return OUR_BEGINNING.test(name) ? 'has no effect: no command has a variable with this name' : null;
}

const KEY_PAIR = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'];

/** The SDK ignores half of a pair without a message, and looks for credentials elsewhere. */
function halfKey(names: readonly string[]): Note[] {
  const set = KEY_PAIR.filter((name) => names.includes(name));
  const [variable] = set;
  if (variable === undefined || set.length === KEY_PAIR.length) return [];
  const other = KEY_PAIR.find((name) => name !== variable);
  return [{ variable, note: `is ignored: ${other} is not set` }];
}
