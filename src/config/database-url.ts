import { isDecodable, url } from './values.ts';

const PROTOCOLS = ['postgres:', 'postgresql:'];
const EXAMPLE = 'a URL such as postgres://USER:PASSWORD@HOST:5432/DATABASE';
const REMEDY = 'percent-encode special characters of the password (# is %23, / is %2F, ? is %3F, % is %25)';

/**
 * The URL of a database. In a URL a `#`, `/` or `?` ends the host. So in a password that isn't percent-encoded it makes
 * another URL, perhaps a valid one: in `postgres://postgres:12#b@HOST/x` the host is `postgres`, and the port 12.
 */
export function databaseUrl() {
  return url(PROTOCOLS, `${EXAMPLE}; ${REMEDY}`).refine(
    (value) => !looksCutOff(new URL(value)),
    `has no host after the password: ${REMEDY}`,
  );
}

function looksCutOff({ username, password, hash, pathname, search }: URL): boolean {
  if (hash !== '') return true;
  if (![username, password, pathname].every(isDecodable)) return true;
  // The rest of a password comes before @HOST. A parameter's value such as user=name@server has an @ too.
  return username === '' && (pathname.includes('@') || /[?&][^=&]*@|@[^=&]*\//.test(search));
}
