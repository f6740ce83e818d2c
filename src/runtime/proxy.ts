/** The HTTP proxies of requests, by the scheme of the request's URL. */
export interface Proxies {
  readonly https: string | undefined;
  readonly http: string | undefined;
  /** The hosts that are reached without a proxy, in the form of Node's `NO_PROXY`. */
  readonly except: string | undefined;
}

/** Options with which an agent of Node uses the proxies; none without a proxy. The agent itself reads no variable. */
export function proxyOptions({ https, http, except }: Proxies): { proxyEnv?: NodeJS.Dict<string> } {
  if (https === undefined && http === undefined) return {};
  return { proxyEnv: { HTTPS_PROXY: https, HTTP_PROXY: http, NO_PROXY: except } };
}

export const NO_PROXIES: Proxies = { https: undefined, http: undefined, except: undefined };
