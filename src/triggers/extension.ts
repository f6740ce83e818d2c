import type { Issue, StackFrame } from '../domain/issue.ts';
import { isExtensionPlace } from '../domain/stack.ts';

/** The reason of the triggers that leave extensions out. */
export const IS_EXTENSION = 'it comes from a browser extension';

/**
 * Whether the issue comes from a browser extension: its module or a frame of its stack belongs to one. If an
 * extension calls the browser's code with a wrong argument, the module is the browser's code, and a frame the extension's
 * code.
 */
export function isExtension({ module, stackFrames }: Issue): boolean {
  return isExtensionPlace(module) || hasExtension(stackFrames);
}

const known = new WeakMap<readonly StackFrame[], boolean>();

/** Several triggers ask about the same stack, and a backtest asks hour by hour. */
function hasExtension(frames: readonly StackFrame[]): boolean {
  const found = known.get(frames) ?? frames.some(({ module }) => module !== null && isExtensionPlace(module));
  known.set(frames, found);
  return found;
}
