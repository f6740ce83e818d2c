import { styleText } from 'node:util';
import { oneLine } from '../../src/domain/text.ts';

const BAR_WIDTH = 32;
const LABEL_WIDTH = 16;
const REDRAW_MILLISECONDS = 80;

export interface Progress {
  /** How many are done by now. */
  at(done: number): void;
  /** Ends the bar's line, so that the next output has a line of its own. */
  end(): void;
}

/** The output of the demo, on a person's terminal or into a file. */
export interface Terminal {
  heading(text: string): void;
  /** A line with a label, aligned with the other labels. */
  item(label: string, text: string): void;
  line(text?: string): void;
  /** A detail, printed dim. */
  aside(text: string): void;
  table(headers: readonly string[], rows: readonly (readonly string[])[]): void;
  /** A bar that moves on a terminal, four plain lines elsewhere. */
  progress(what: string, total: number): Progress;
}

export function createTerminal(output: NodeJS.WriteStream): Terminal {
  const style = (format: 'bold' | 'dim' | 'cyan', text: string) =>
    styleText(format, text, { stream: output });
  const line = (text = '') => void output.write(`${text}\n`);
  const columns = () => Math.max(60, Math.min(output.columns || 100, 120));
  return {
    line,
    heading: (text) => line(`\n${style('bold', text)}\n`),
    item: (label, text) => line(`  ${style('cyan', label.padEnd(LABEL_WIDTH))} ${text}`),
    aside: (text) => line(style('dim', text.replace(/^(?=.)/gm, '  '))),
    table: (headers, rows) => {
      const [head = '', ...body] = aligned([headers, ...rows], columns() - 2);
      line(`  ${style('dim', head)}`);
      for (const row of body) line(`  ${row}`);
    },
    progress: (what, total) => (output.isTTY ? bar(output, what, total) : milestones(line, what, total)),
  };
}

export function number(value: number): string {
  return value.toLocaleString('en-US');
}

/** The first column is text, and uses the width that the columns of numbers leave. */
function aligned(rows: readonly (readonly string[])[], width: number): string[] {
  const columnCount = rows[0]?.length ?? 0;
  const widths = Array.from({ length: columnCount }, (_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  const others = widths.slice(1).reduce((sum, each) => sum + each + 2, 0);
  const first = Math.max(10, Math.min(widths[0] ?? 0, width - others));
  return rows.map(([text = '', ...numbers]) =>
    [oneLine(text, first).padEnd(first), ...numbers.map((cell, i) => cell.padStart(widths[i + 1] ?? 0))].join(
      '  ',
    ),
  );
}

function bar(output: NodeJS.WriteStream, what: string, total: number): Progress {
  let last = 0;
  let drawn = -1;
  const draw = (done: number) => {
    const filled = Math.floor((BAR_WIDTH * done) / Math.max(1, total));
    const blocks = '█'.repeat(filled) + '░'.repeat(BAR_WIDTH - filled);
    output.write(`\r  ${blocks}  ${number(done)} of ${number(total)} ${what}\u001b[K`);
    drawn = done;
  };
  let latest = 0;
  return {
    at(done) {
      latest = done;
      if (done === drawn || performance.now() - last < REDRAW_MILLISECONDS) return;
      last = performance.now();
      draw(done);
    },
    end() {
      if (drawn !== latest) draw(latest);
      output.write('\n');
    },
  };
}

function milestones(line: (text: string) => void, what: string, total: number): Progress {
  let quarter = 0;
  return {
    at(done) {
      const reached = Math.floor((4 * done) / Math.max(1, total));
      if (reached <= quarter) return;
      quarter = reached;
      line(`  ${number(done)} of ${number(total)} ${what}`);
    },
    end: () => undefined,
  };
}
