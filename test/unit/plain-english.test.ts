import { globSync, readFileSync, statSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { proseOf, sentencesOf, wordsOf } from '../support/prose.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** The files that are checked. */
const CHECKED: readonly string[] = [
  '*.md',
  'docs/**/*.{md,sql,ts}',
  'sentry/*.md',
  '.ci/*',
  '.github/**/*.yml',
  '.dockerignore',
  'docker-compose.yml',
  'Dockerfile',
  'deploy/**/*.{md,yaml,ts}',
  'docker/**',
  'src/**/*.ts',
  'dev/**/*.ts',
  'bench/**/*.{md,ts}',
  'test/**/*.ts',
];
/** Generated or released files, bad input, and the lists below. */
const LEFT_OUT: readonly string[] = [
  'docs/schema.sql',
  'migrations/**',
  'test/corpus/**',
  'test/unit/plain-english.test.ts',
];
/** Fixed names that hold a refused word. */
const NAMES: readonly RegExp[] = [/'judgement'/g, /what:judgement/g, /Also told|You were told/g];

const MOST_WORDS = 25;

/** Words and phrases that a tired reader stumbles over, each with the plain word. */
const REFUSED: readonly (readonly [words: string, plain: string])[] = [
  // Words that are rare or old.
  ['anew|afresh', 'again'],
  ['lest', 'so that … not'],
  ['whence|hence|whereof|thereof|whereby|thereby|wherein|therein|whereupon|thereupon', 'name the thing'],
  ['thus', 'so'],
  ['whoever|whomever|whosoever', 'anyone who, or name the person'],
  ['whom', 'name them: the recipients'],
  ['seldom', 'rarely'],
  ['whilst|amidst|amongst|upon|unto', 'while, among, on'],
  ['albeit|nay|ere|shall', 'although, no, before, must'],
  ['mend|mends|mended|mending|mendable', 'fix'],
  ['stranger|strangers', 'untrusted text, an unknown browser'],
  ['lies|lie|lay', 'is, is in, is stored in'],
  ['stands(?! (?:by|for|in for)\\b)|stood(?! (?:by|for)\\b)', 'is'],
  ['beside', 'next to, or in addition to'],
  ['spoken', 'supported'],
  ["needn[’']t", 'need not, or does not have to'],
  // Phrases that mean something else word by word.
  ['for good', 'permanently'],
  ['all the same', 'even so, or still'],
  ['be it', 'whether'],
  ['by way of', 'through'],
  ['for want of', 'because … is missing'],
  ['in vain', 'without success'],
  ['(?:everything|nothing|anything|all|none) but', '… except'],
  [
    "at hand|in hand|in (?:\\w+ )?hands|in (?:anyone|somebody|anybody|nobody)[’']s hands",
    'received, or in progress',
  ],
  ['(?:is|are|was|were|be) away', 'is unreachable'],
  ['(?:comes|came|come|becomes|became|become) of', 'name the result'],
  ['there for', 'needed for'],
  [
    'so (?:many|much|often|long)(?= (?:at|messages|events|users|characters))',
    'name the number, or this many',
  ],
  // Turns without a noun.
  ['(?:is|are|was|were|be|as|that|where) none', 'is not a …, or there is no …'],
  ['(?:name|names|hold|holds|have|has|need|needs) none', 'has no …'],
  ['(?<!there )(?:is|are|was|were) no(?= (?!longer\\b|more\\b|other\\b))', 'is not a …'],
  ['(?:of|by) (?:ours|yours|theirs|hers|mine)', 'our, your, their'],
  ['what (?:there )?(?:is|are|was|were) no', 'things that are not'],
  ['(?:what|that) there (?:is|are)', 'name the things'],
  ['who has|who have', 'with'],
  // The field's words.
  ['judge|judges|judged|judging|judgement|judgements', 'evaluate, evaluation'],
  ['tell|tells|told|telling|untold', 'notify of, report, or log'],
  ['(?:take|takes|took|taken|taking) (?:it|them|this|that|these|those|on)', 'accept'],
  [
    "(?:SES|SQS|Sentry|Postgres|Node|queue|agent|server|limit) (?:takes|took|take|doesn[’']t take|may take)",
    'accepts',
  ],
  ['(?:takes|take|took|takes over) (?:its|their|the) place', 'replaces'],
];

/** A clause must not begin with a relative pronoun as its subject. */
const RIDDLES: readonly (readonly [pattern: RegExp, plain: string])[] = [
  [/^(?:What(?! to\b)|Who|Whose|Whatever|That which|Those who)\b.*[.:;]$/, 'name the subject first'],
  [/[;:,] (?:and )?what (?!to\b|follows\b)(?=\w+ )/, 'name the subject first'],
  [/\b(?!it|that|there|here|let)\p{L}+(?:['’]s|s['’])(?=$|[.,;:)!?])/iu, 'a possessive needs its noun'],
];

const FILES = CHECKED.flatMap((pattern) => globSync(pattern, { cwd: ROOT, exclude: [...LEFT_OUT] }))
  .filter((path) => statSync(join(ROOT, path)).isFile())
  .toSorted();

const refused = REFUSED.map(([words, plain]) => ({
  pattern: new RegExp(`\\b(?:${words})\\b`, 'giu'),
  plain,
}));

/** The words of a document without its code. Of code all words, because its messages and identifiers are read too. */
function wordsIn(path: string, content: string): string {
  if (extname(path) !== '.md') return content.replace(/(?<=\p{Ll})(?=\p{Lu})/gu, ' ');
  const { headings, texts } = proseOf(path, content);
  return [...headings, ...texts].join('\n');
}

/** What a reader would stumble over, each with the plain word. */
function mistakesIn(path: string, content: string): string[] {
  const text = NAMES.reduce((rest, name) => rest.replace(name, ''), wordsIn(path, content));
  const words = refused.flatMap(({ pattern, plain }) =>
    [...text.matchAll(pattern)].map(({ 0: found, index }) => {
      const around = text.slice(Math.max(0, index - 30), index + found.length + 30).replaceAll('\n', ' ');
      return `"${found}" (better: ${plain}) in …${around}…`;
    }),
  );
  const sentences = proseOf(path, content).texts.flatMap(sentencesOf);
  const riddles = sentences.flatMap((sentence) =>
    RIDDLES.filter(([pattern]) => pattern.test(sentence)).map(([, plain]) => `${plain}: ${sentence}`),
  );
  return [...words, ...riddles];
}

function longSentencesIn(path: string, content: string): string[] {
  return proseOf(path, content)
    .texts.flatMap(sentencesOf)
    .filter((sentence) => wordsOf(sentence).length > MOST_WORDS)
    .map((sentence) => `${wordsOf(sentence).length} words: ${sentence}`);
}

describe.each(FILES)('%s', (path) => {
  const content = readFileSync(join(ROOT, path), 'utf8');

  it('uses plain words', () => {
    expect(mistakesIn(path, content)).toEqual([]);
  });

  it(`has no sentence of more than ${MOST_WORDS} words`, () => {
    expect(longSentencesIn(path, content)).toEqual([]);
  });
});

describe('the check', () => {
  const found = (path: string, content: string) => mistakesIn(path, content).map((one) => one.split(' (')[0]);

  it('finds refused words in the prose of a document, but not in its code', () => {
    expect(found('a.md', '# It judges\n\nRun it anew.\n\n| `judge` | told\n')).toEqual([
      '"anew"',
      '"judges"',
      '"told"',
    ]);
    expect(found('a.md', 'Run `judge`:\n\n```sh\njudge anew\n```\n')).toEqual([]);
  });

  it('finds refused words in all of a code file, except fixed names', () => {
    expect(found('a.ts', "// Judges.\nlog('made anew', { what: 'judgement' });\n")).toEqual([
      '"anew"',
      '"Judges"',
    ]);
  });

  it('finds refused words inside an identifier', () => {
    expect(found('a.ts', 'const tellsAnn = lastJudged();\n')).toEqual(['"Judged"', '"tells"']);
  });

  it.each([
    'What SES accepted is marked.',
    'It is deleted; what is older is gone.',
    "The rate is the sandbox's.",
  ])('finds a sentence that must be read twice: %s', (sentence) => {
    expect(mistakesIn('a.md', sentence)).toHaveLength(1);
    expect(mistakesIn('a.sql', `-- ${sentence}`)).toHaveLength(1);
  });

  it.each(['What is wrong?', "It's SES's rate.", 'It says what failed.'])('accepts %s', (sentence) => {
    expect(mistakesIn('a.md', sentence)).toEqual([]);
  });

  it('counts the words of each sentence, list item, table cell and comment', () => {
    const words = (count: number) => Array(count).fill('word').join(' ');
    const long = words(MOST_WORDS + 1);
    const short = words(MOST_WORDS);
    expect(
      longSentencesIn('a.md', `${short}. ${short}\n\n- ${short}\n- ${short}\n\n| ${short} | ${short} |\n`),
    ).toEqual([]);
    expect(
      longSentencesIn('a.md', `Short. ${words(20)}\n${words(6)}.\n\n- ${long}\n\n| ${long} |\n`),
    ).toHaveLength(3);
    expect(longSentencesIn('a.ts', `/**\n * ${words(20)}\n * ${words(6)}\n */\n`)).toHaveLength(1);
    expect(longSentencesIn('a.md', `# ${long}\n\n\`${long}\`\n\n\`\`\`\n${long}\n\`\`\`\n`)).toEqual([]);
  });
});
