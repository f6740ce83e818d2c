import { Session } from 'node:inspector';
import { fileURLToPath } from 'node:url';

/** The name is for a moment global: the inspector finds functions through expressions alone. */
const NAME = '__becAlertsFunction';

interface InternalProperty {
  readonly name: string;
  readonly value?: { readonly value?: { scriptId: string; lineNumber: number; columnNumber: number } };
}

/** `file:line:column` where a function is written, for mistakes that leave no stack; null where V8 doesn't know. */
export function placeOfFunction(work: (...parameters: never[]) => unknown): string | null {
  const session = new Session();
  const urls = new Map<string, string>();
  let place: string | null = null;
  session.connect();
  session.on('Debugger.scriptParsed', ({ params }) => urls.set(params.scriptId, params.url));
  Object.assign(globalThis, { [NAME]: work });
  try {
    // Both answers come before `post` returns: the inspector is in this thread.
    session.post('Debugger.enable');
    session.post('Runtime.evaluate', { expression: NAME }, (_, evaluated) => {
      const objectId = evaluated?.result.objectId;
      if (objectId === undefined) return;
      session.post('Runtime.getProperties', { objectId, ownProperties: true }, (_, properties) => {
        const found = (properties?.internalProperties as InternalProperty[] | undefined)?.find(
          ({ name }) => name === '[[FunctionLocation]]',
        )?.value?.value;
        const url = found === undefined ? undefined : urls.get(found.scriptId);
        if (found === undefined || !url?.startsWith('file:')) return;
        place = `${fileURLToPath(url)}:${found.lineNumber + 1}:${found.columnNumber + 1}`;
      });
    });
  } finally {
    Reflect.deleteProperty(globalThis, NAME);
    session.disconnect();
  }
  return place;
}
