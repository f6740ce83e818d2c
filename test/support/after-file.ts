const closing: (() => unknown)[] = [];

/** Closes what the whole test file shares after its last test, in the order of these calls. Tests may call it too. */
export function afterFile(close: () => unknown): void {
  closing.push(close);
}

/** For the hook after each test file. */
export async function closeFile(): Promise<void> {
  for (const close of closing.splice(0)) await close();
}
