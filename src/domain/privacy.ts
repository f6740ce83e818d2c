import { isIPv4, isIPv6 } from 'node:net';

/**
 * Removes text that may name a person from a module or a frame's file. It removes the query and the fragment of a URL,
 * credentials, user names of home folders, names of profile folders, email addresses and IP addresses. Removed text shows
 * as `…`, `<email>` or `<ip>`, as in Sentry. @param place bounded by the caller
 */
export function cleanPlace(place: string): string {
  return withoutAddresses(withoutFolderNames(withoutUrlParts(place), FOLDERS_OF_PATH));
}

/** The same for text with paths and URLs among words. @param text bounded by the caller */
export function cleanText(text: string): string {
  const bare = text.replace(URL_IN_TEXT, withoutUrlParts).replace(PATH_IN_TEXT, withoutUrlParts);
  return withoutAddresses(withoutFolderNames(bare, FOLDERS_IN_TEXT));
}

/** A URL ends at white space, a quote or a bracket. */
const URL_IN_TEXT = /\b(?:[a-z][a-z0-9+.-]{0,30}:\/{1,3}|about:|data:)[^\s'"`<>]+/gi;
/** A path with a query or a fragment, from the start of a word: `/a#b`, `api/users?token=1`. */
const PATH_IN_TEXT =
  /(?<![^\s'"`(=[])(?:\/[^\s'"`<>?#]{1,1000}[?#]|[^\s'"`<>?#]{1,1000}\?[\w.~%-]{1,100}=)[^\s'"`<>]*/g;
/** A data URL may contain a whole document. */
const DATA_URL = /^data:[^,]{0,200},.+$/is;
const CREDENTIALS = /^([a-z][a-z0-9+.-]{0,30}:\/\/)[^/?#\s]+@/i;
/** A path, a URL, or a file's name. Only in these, a `?` begins a query and a `#` begins a fragment. */
const LOCATION = /[/\\]|^[a-z][a-z0-9+.-]{1,30}:|^[^?#]*\.[a-z0-9]{1,5}[?#]/i;
/** Windows' prefix for long paths. */
const LONG_PATH = /^\\\\\?\\/;

function withoutUrlParts(url: string): string {
  // Most places contain no such character.
  if (!/[?#@,]/.test(url)) return url;
  if (DATA_URL.test(url)) return `${url.slice(0, url.indexOf(','))},…`;
  const bare = url.replace(LONG_PATH, '').replace(CREDENTIALS, '$1');
  if (!LOCATION.test(bare)) return bare;
  const end = bare.search(/[?#]/);
  return end === -1 ? bare : `${bare.slice(0, end)}${trailing(bare.slice(end))}`;
}

/** Limits the search for the end: from each character it looks at all that follow. */
const MAX_TRAILING = 40;

/** Punctuation after a URL: `(https://example.com/a?b)`, `https://example.com/a?b, which`. Line and column may follow too. */
function trailing(rest: string): string {
  return /(?::\d{1,9}){0,2}[)\]},.;:!]*$/.exec(rest.slice(-MAX_TRAILING))?.[0] ?? '';
}

/** Not within a path or a host: `https://example.com/home/x` has no home folder. */
const START = String.raw`(?<![\w.~%-])(?<![\w.~%-]/)`;
/** A name on Windows: up to the next separator, including blanks, or up to the end of the word. */
const NAME = String.raw`(?:[^\\/:*?"'<>|\r\n]{1,200}?(?=[\\/])|[^\\/:*?"'<>|\s]{1,200})`;
/** A name on other systems. Among words it ends at a blank, so that the words up to the next path are kept. */
const WORD = String.raw`[^/\s'"<>():,]{1,200}`;

const FOLDERS_OF_PATH = foldersWith(NAME);
const FOLDERS_IN_TEXT = foldersWith(WORD);

/** Folders whose next part names a person or a profile. */
function foldersWith(name: string): readonly RegExp[] {
  return [
    // Windows: C:\Users\NAME, also in file URLs, on a share, in WSL and Cygwin.
    String.raw`((?:\b[a-z]:|\\\\[^\\/\s]{1,100}|/mnt/[a-z]|/cygdrive/[a-z]|(?<![\w.:\\])(?=\\))[\\/]+(?:users|documents and settings)[\\/]+)${NAME}`,
    // macOS, Linux and the BSDs.
    `(${START}(?:/private|/System/Volumes/Data|/Volumes/[^/\\r\\n]{1,100}|/var|/usr|/export|/mnt|/data)?/(?:users|home)/+)${name}`,
    String.raw`(\bfile://[\w.-]{1,100}/+(?:users|home)/+)${name}`,
    String.raw`(/run/user/+|/var/folders/+\w{1,20}/+)${name}`,
    // Firefox and Thunderbird: Profiles/NAME on Windows and macOS, firefox/NAME on Linux, files/mozilla/NAME on Android.
    // A profile's folder begins with eight random characters, unless a person made it.
    String.raw`([\\/](?:firefox|thunderbird)[^\\/]{0,40}[\\/]+Profiles[\\/]+)${NAME}`,
    String.raw`([\\/]Profiles[\\/]+)[a-z0-9]{8}\.${NAME}`,
    String.raw`([\\/]\.?mozilla[\\/]+(?:firefox|thunderbird)[\\/]+|[\\/]\.thunderbird[\\/]+|[\\/]files[\\/]+mozilla[\\/]+)[^\\/\s'"<>():,]{1,100}\.${NAME}`,
    // Chrome and its relatives.
    String.raw`([\\/]User Data[\\/]+|[\\/]\.config[\\/]+(?:google-chrome|chromium|microsoft-edge|BraveSoftware[\\/]Brave-Browser)[\\/]+)${NAME}`,
    // Android: a user's number.
    String.raw`(/(?:data/(?:user|user_de|media)|storage/emulated)/+)\d{1,10}\b`,
  ].map((pattern) => new RegExp(pattern, 'gi'));
}

/** Each pattern needs one of these words. Most places contain no such word, and this search costs a tenth of the patterns. */
const FOLDER = /user|home|profiles|settings|folders|mozilla|thunderbird|\.config|emulated|data\/media/i;

function withoutFolderNames(text: string, folders: readonly RegExp[]): string {
  if (!FOLDER.test(text)) return text;
  return folders.reduce((left, folder) => left.replace(folder, '$1…'), text);
}

// The name of an add-on looks like an address but is not one: extensions/uBlock0@raymondhill.net.xpi.
// Nor is the name of a file or of a frame in Firefox's stacks: push@background.js.
const EMAIL =
  /[\p{L}\p{N}.!#$%&'*+=?^_`{|}~-]{1,64}(?:@|%40)[\p{L}\p{N}-]{1,63}(?:\.[\p{L}\p{N}-]{1,63}){0,8}\.(?!(?:[cm]?jsm?|[jt]sx?|x?html?|css|json|map|wasm)\b)\p{L}{2,24}(?![\p{L}\p{N}_-])(?!\.(?:xpi|[cm]?jsm?|[jt]sx?|x?html?|css|json|map|wasm)\b|!\/)/giu;
const IPV4 = /(?<![\w.-])\d{1,3}(?:\.\d{1,3}){3}(?![\w-]|\.\d)/g;
const IPV6 = /(?<![\w:.])[0-9a-f:]{2,39}(?:\.\d{1,3}){0,3}(?![\w:])/gi;

function withoutAddresses(text: string): string {
  let clean = text;
  if (/@|%40/.test(clean)) clean = clean.replace(EMAIL, '<email>');
  if (/:[0-9a-f]*:/i.test(clean)) {
    // `dead::beef` may be a function's name. Only a text with a digit counts as an address.
    clean = clean.replace(IPV6, (found) => (/\d/.test(found) && isIPv6(found) ? '<ip>' : found));
  }
  if (/\d\.\d/.test(clean)) clean = clean.replace(IPV4, (found) => (isIPv4(found) ? '<ip>' : found));
  return clean;
}
