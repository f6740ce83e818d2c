import { extname } from 'node:path';

/** Replaces a code span, which counts as one word. */
const CODE = 'CODE';

/** The prose of a file, without its code. */
export interface Prose {
  readonly headings: readonly string[];
  /** The paragraphs, list items and table cells of a document, or the comments of code. */
  readonly texts: readonly string[];
}

export function proseOf(path: string, content: string): Prose {
  return extname(path) === '.md' ? ofDocument(content) : { headings: [], texts: ofComments(path, content) };
}

/** Splits after each `.`, `!` or `?` with white space after it. */
export function sentencesOf(text: string): string[] {
  return text
    .split(/(?<=[.!?][)"”*]*)\s+/)
    .map((sentence) => sentence.trim())
    .filter((sentence) => sentence !== '');
}

/** A word contains a letter or a digit: `±`, `=` and dashes don't count. */
export function wordsOf(sentence: string): string[] {
  return sentence.split(/\s+/).filter((word) => /[\p{L}\p{N}]/u.test(word));
}

function ofDocument(content: string): Prose {
  const headings: string[] = [];
  const texts: string[] = [];
  let paragraph: string[] = [];
  const end = () => {
    if (paragraph.length > 0) texts.push(plain(paragraph.join(' ')));
    paragraph = [];
  };
  for (const line of withoutCodeBlocks(content).split('\n')) {
    const [, heading] = /^#+ (.*)$/.exec(line) ?? [];
    const [, item] = /^\s*(?:[-*]|\d+\.) (.*)$/.exec(line) ?? [];
    if (heading !== undefined) {
      end();
      headings.push(plain(heading));
    } else if (line.trim().startsWith('|')) {
      end();
      texts.push(...cellsOf(line));
    } else if (line.trim() === '') end();
    else {
      if (item !== undefined) end();
      paragraph.push(item ?? line.trim());
    }
  }
  end();
  return { headings, texts };
}

function withoutCodeBlocks(content: string): string {
  return content.replace(/^( *)```.*?^\1```/gms, '').replace(/<!--.*?-->/gs, '');
}

function cellsOf(row: string): string[] {
  return plain(row)
    .split('|')
    .map((cell) => cell.trim())
    .filter((cell) => /[\p{L}\p{N}]/u.test(cell));
}

/** Without Markdown's marks: a code span becomes one word, and a link its text. */
function plain(markdown: string): string {
  return markdown
    .replace(/`[^`]+`/g, CODE)
    .replace(/\[([^\]]+)\]\([^)]*\)/g, '$1')
    .replace(/<https?:[^>]+>/g, CODE)
    .replace(/\*\*?/g, '');
}

const SCRIPT = /^\s*#(?!!)\s?(.*)$/;
const SQL = /^\s*--\s?(.*)$/;
const JAVASCRIPT = /^\s*(?:\/\/|\/\*\*?|\*(?!\/))\s?(.*?)\s*(?:\*\/)?$/;

function commentOf(path: string): RegExp {
  if (/\.[jt]s$/.test(path)) return JAVASCRIPT;
  return extname(path) === '.sql' ? SQL : SCRIPT;
}

/**
 * Comments that fill their lines. Those of consecutive lines are one text. It ends at a blank line, at an example in a
 * code block and at a tag such as `@throws`.
 */
function ofComments(path: string, content: string): string[] {
  const comment = commentOf(path);
  const lines = content.split('\n').map((line) => comment.exec(line)?.[1] ?? '');
  return withoutCodeBlocks(lines.join('\n'))
    .split(/\n\n+|\n?@\w+/)
    .map((text) => plain(text.replaceAll('\n', ' ')).trim())
    .filter((text) => text !== '');
}
