export interface HtmlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
}

export interface HtmlDocument {
  readonly elements: readonly HtmlElement[];
  /** The text element by element, as a screen shows it: tags leave nothing behind. */
  readonly text: string;
  /** Of `<style>`, which is not shown. */
  readonly style: string;
}

const VOID = new Set(['meta', 'br', 'wbr', 'img', 'link', 'input', 'hr']);
const TOKEN =
  /<!DOCTYPE html>|<!--[\s\S]*?-->|<style>([\s\S]*?)<\/style>|<(\/?)([a-z][a-z0-9]*)((?:\s+[a-z-]+="[^"<>]*")*)\s*>|([^<]+)/giy;
const ENTITIES: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  '#39': "'",
  '#96': '`',
  nbsp: ' ',
};

/**
 * Reads HTML more strictly than a browser: quoted attributes, balanced tags, known entities. Mistakes that a browser
 * would fix throw, so that they can't hide text that was not escaped.
 */
export function readHtml(html: string): HtmlDocument {
  const elements: HtmlElement[] = [];
  const open: string[] = [];
  let text = '';
  let style = '';
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < html.length) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(html);
    if (match === null) throw new Error(`no HTML at ${at}: ${html.slice(at, at + 80)}`);
    const [, css, slash, name = '', attributes = '', words] = match;
    if (css !== undefined) style += css;
    if (words !== undefined) text += decoded(words);
    if (name === '') continue;
    if (slash === '/') {
      if (open.pop() !== name) throw new Error(`</${name}> closes nothing at ${at}`);
    } else {
      elements.push({ name, attributes: attributesOf(attributes) });
      if (!VOID.has(name)) open.push(name);
    }
  }
  if (open.length > 0) throw new Error(`<${open.join('><')}> is never closed`);
  return { elements, text, style };
}

function attributesOf(source: string): Record<string, string> {
  const pairs = [...source.matchAll(/([a-z-]+)="([^"]*)"/gi)].map(([, name = '', value = '']) => [
    name,
    decoded(value),
  ]);
  return Object.fromEntries(pairs);
}

function decoded(text: string): string {
  return text.replace(/&([^;\s]*;?)/g, (whole, name: string) => {
    const character = ENTITIES[name.replace(/;$/, '')];
    if (character === undefined || !name.endsWith(';')) throw new Error(`not an entity: ${whole}`);
    return character;
  });
}
