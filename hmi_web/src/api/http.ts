/** GraphQL over HTTP and log-in. The session travels as an HttpOnly cookie: no token is ever held by scripts. */

import { askedAhead, HEADERS } from './first';

export interface GraphQLErrorLike {
  message: string;
  extensions?: { code?: string };
}

/** What the API refused, in its own words; `code` is the API's, or OFFLINE where it could not be reached. */
export class ApiError extends Error {
  constructor(
    message: string,
    readonly code: string,
  ) {
    super(message);
    this.name = 'ApiError';
  }
}

type Listener = () => void;
let onUnauthenticated: Listener = () => undefined;

/** Called whenever the API says that nobody is logged in. */
export function whenUnauthenticated(listener: Listener): void {
  onUnauthenticated = listener;
}

async function post(path: string, content: unknown, signal?: AbortSignal): Promise<Response> {
  const body = JSON.stringify(content);
  const more = signal ? { signal } : {};
  try {
    return await (askedAhead(body) ?? fetch(path, { method: 'POST', credentials: 'same-origin', headers: HEADERS, body, ...more }));
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new ApiError('the platform does not answer', 'OFFLINE');
  }
}

/** One query or mutation. Raises ApiError. */
export async function gql<T>(query: string, variables: Record<string, unknown> = {}, signal?: AbortSignal): Promise<T> {
  const response = await post('/graphql', { query, variables }, signal);
  if (response.status === 401) {
    onUnauthenticated();
    throw new ApiError('log in first', 'UNAUTHENTICATED');
  }
  const answer = (await response.json().catch(() => null)) as { data?: T; errors?: GraphQLErrorLike[] } | null;
  signal?.throwIfAborted(); // a body cut short by who asked is no failure of the API
  const first = answer?.errors?.[0];
  if (first) {
    const code = first.extensions?.code ?? 'FAILED';
    if (code === 'UNAUTHENTICATED') onUnauthenticated();
    throw new ApiError(first.message, code);
  }
  if (!answer?.data) throw new ApiError(`HTTP ${response.status.toString()} from the API`, 'FAILED');
  return answer.data;
}

/** Logs in; raises ApiError with the reason. */
export async function login(user: string, password: string): Promise<void> {
  const response = await post('/auth/login', { user, password });
  if (response.ok) return;
  const why = (await response.json().catch(() => null)) as { detail?: unknown; error?: unknown; message?: unknown } | null;
  const text = [why?.detail, why?.error, why?.message].find((x) => typeof x === 'string');
  throw new ApiError(text ?? (response.status === 401 ? 'user or password is wrong' : `HTTP ${response.status.toString()}`), 'REFUSED');
}

export async function logout(): Promise<void> {
  await post('/auth/logout', {});
}
