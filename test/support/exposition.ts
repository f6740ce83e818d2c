/** One metric of a page in Prometheus's text format. */
export interface Family {
  readonly type: string;
  readonly help: string;
  /** Values by the name with its labels, as written. */
  readonly samples: Map<string, number>;
}

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const LABEL = '[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\["\\\\n])*"';
const SAMPLE = new RegExp(
  `^(${NAME})(\\{${LABEL}(?:,${LABEL})*\\})? (-?\\d+(?:\\.\\d+)?(?:e[+-]?\\d+)?|[+-]Inf|Nan)$`,
);

/** Reads a page strictly. @throws if a line is wrong, out of place or there twice */
export function parsePage(page: string): Map<string, Family> {
  if (!page.endsWith('\n')) throw new Error('the last line has no end');
  const families = new Map<string, Family>();
  let name = '';
  let help: string | undefined;
  for (const line of page.slice(0, -1).split('\n')) {
    if (line === '') continue;
    const [, word, about = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? [];
    if (word === 'HELP') {
      if (families.has(about) || help !== undefined) throw new Error(`out of place: ${line}`);
      name = about;
      help = rest;
    } else if (word === 'TYPE') {
      if (about !== name || help === undefined || !/^(counter|gauge|histogram|summary)$/.test(rest))
        throw new Error(`out of place: ${line}`);
      families.set(name, { type: rest, help, samples: new Map() });
      help = undefined;
    } else addSample(families.get(name), name, line);
  }
  return families;
}

function addSample(family: Family | undefined, name: string, line: string): void {
  const [, sample = '', labels = '', value] = SAMPLE.exec(line) ?? [];
  if (family === undefined || value === undefined) throw new Error(`not a sample: ${line}`);
  const suffixes = { histogram: ['_bucket', '_sum', '_count'], summary: ['', '_sum', '_count'] };
  const allowed = suffixes[family.type as keyof typeof suffixes] ?? [''];
  if (!allowed.some((suffix) => sample === name + suffix)) throw new Error(`not of ${name}: ${line}`);
  if (family.samples.has(sample + labels)) throw new Error(`there twice: ${line}`);
  family.samples.set(sample + labels, Number(value.replace('Inf', 'Infinity')));
}
