/** The variables that settings are read from: the process's environment, overridden by the command line's options. */
export type Variables = Readonly<Record<string, string | undefined>>;

export interface ConfigMistake {
  /** The variable's name, or the option's if only an option can be wrong in this way. */
  readonly variable: string;
  /** The rest of a sentence that begins with the name, such as `must be …`. */
  readonly problem: string;
}
