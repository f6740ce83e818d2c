import { asError } from '../../src/runtime/errors.ts';

const closing: (() => unknown)[] = [];

/** Closes what the whole test file shares after its last test, in the order of these calls. Tests may call it too. */
export function afterFile(close: () => unknown): void {
  closing.push(close);
}

/** For the hook after each test file. One failure leaves nothing open for the next file. */
export async function closeFile(): Promise<void> {
  const errors: Error[] = [];
  for (const close of closing.splice(0)) {
    try {
      await close();
    } catch (error) {
      errors.push(asError(error));
    }
  }
  if (errors.length > 0) throw new AggregateError(errors, 'closing what the test file shares failed');
}
