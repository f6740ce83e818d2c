import type { ConfigMistake } from '../../config/variables.ts';
import { wrapped } from '../columns.ts';
import { aligned } from '../table.ts';
import type { Client, Credential } from './config-clients.ts';
import type { Note } from './config-notes.ts';
import type { EffectiveVariable } from './config-values.ts';

/** The configuration of a command. */
export interface EffectiveConfig {
  readonly name: string;
  /** The `.env` file that was read; null if there is no such file. */
  readonly dotEnv: string | null;
  readonly variables: readonly EffectiveVariable[];
  readonly clients: readonly Client[];
  /** Null for a command that doesn't use AWS. */
  readonly awsCredentials: readonly Credential[] | null;
  readonly notes: readonly Note[];
  readonly mistakes: readonly ConfigMistake[];
}

export function configJson({ name, variables, ...config }: EffectiveConfig): string {
  // The value that the command gets has the secrets.
  const shown = variables.map(({ read, ...variable }) => variable);
  return JSON.stringify({ command: name, variables: shown, ...config }, null, 2);
}

const INDENT = 4;

export function configText(config: EffectiveConfig, columns: number): string {
  const { name, dotEnv, variables, clients, awsCredentials, notes } = config;
  const rows = variables.map((variable): [string, string, string] => [
    variable.name,
    variable.from,
    inWords(variable),
  ]);
  const sections = [
    `Configuration of ${name}\n.env file: ${dotEnv ?? 'none in this folder'}`,
    table([['VARIABLE', 'FROM', 'VALUE'], ...rows], columns),
    section(
      'Connections',
      clients.map(({ service, target }) => `${service}: ${target}`),
      columns,
    ),
    section('Credentials of AWS', credentialLines(awsCredentials), columns),
    section(
      'Notes',
      notes.map(({ variable, note }) => `${variable} ${note}`),
      columns,
    ),
  ];
  return sections.filter((text) => text !== '').join('\n\n');
}

function credentialLines(credentials: EffectiveConfig['awsCredentials']): string[] {
  if (credentials?.length === 0)
    return ["no variable: from the AWS SDK's files, or the role of the instance or task"];
  return (credentials ?? []).map(({ name, from }) => `${name}: set, and hidden (${from})`);
}

function inWords({ from, value, otherwise, problem }: EffectiveVariable): string {
  if (problem !== null && from === 'not set') return 'REQUIRED';
  const wrong = problem === null ? '' : 'WRONG';
  return [value ?? otherwise ?? '', wrong].filter((part) => part !== '').join('  ');
}

/** The last column may be wrapped, or continue on a line of its own. */
function table(rows: readonly (readonly [string, string, string])[], columns: number): string {
  const starts = aligned(rows.map(([name, from]) => [name, from, '|']));
  return rows
    .map(([, , value], index) => {
      const start = (starts[index] ?? '').slice(0, -1);
      if (start.length + value.length <= columns) return (start + value).trimEnd();
      return `${start.trimEnd()}\n${' '.repeat(INDENT)}${wrapped(value, columns, INDENT)}`;
    })
    .join('\n');
}

function section(title: string, lines: readonly string[], columns: number): string {
  if (lines.length === 0) return '';
  return [title, ...lines.map((line) => `  ${wrapped(line, columns - 2, INDENT)}`)].join('\n');
}
