// The server, typed by its own OpenAPI description (npm run client writes schema.d.ts from it).
//
//   const key = await answer(api.POST("/api/v1/keys", { body }));
//
// Answers are values; everything else is thrown as a Problem, whose message says what to do next.
// Changes carry the CSRF token of the session; it is no credential by itself (the cookie is, and
// scripts cannot read that), so all tabs of this browser share it through localStorage.

import createClient, { type Middleware } from "openapi-fetch";

import type { components, paths } from "./schema";

export type Schemas = components["schemas"];
export type Key = Schemas["KeyView"];
export type Me = Schemas["Me"];
export type Role = Schemas["Role"];
export type User = Schemas["UserView"];
export type AuditEvent = Schemas["AuditEventView"];

export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly fields: Record<string, string> = {},
    readonly requestId: string | null = null,
    readonly retryAfterSeconds: number | null = null,
  ) {
    super(message);
    this.name = "Problem";
  }
}

const kSession = "keywright.session";
const kIdleMilliseconds = 12 * 3600 * 1000;

interface KeptSession {
  csrf: string;
  endsAt: number;
  usedAt: number;
}

let kept: KeptSession | null = null;

function keptSession(): KeptSession | null {
  try {
    const text = localStorage.getItem(kSession);
    return text === null ? null : (JSON.parse(text) as KeptSession);
  } catch {
    return kept;
  }
}

const begun = new Set<() => void>();

// Called when a session begins in this tab.
export function onSignedIn(listener: () => void): () => void {
  begun.add(listener);
  return () => void begun.delete(listener);
}

export function keepSession(signedIn: Schemas["SignedIn"] | null): void {
  kept = signedIn && {
    csrf: signedIn.csrf_token,
    endsAt: Date.parse(signedIn.expires_at),
    usedAt: Date.now(),
  };
  try {
    if (kept) localStorage.setItem(kSession, JSON.stringify(kept));
    else localStorage.removeItem(kSession);
  } catch {
    // Storage may be forbidden: this tab goes on with what it holds in memory.
  }
  if (kept) for (const listener of begun) listener();
}

// When the session will end if nothing more is done; null if it was not begun in this browser.
export function sessionEnd(): { at: number; byIdling: boolean } | null {
  const session = keptSession();
  if (!session) return null;
  const idle = session.usedAt + kIdleMilliseconds;
  return idle < session.endsAt
    ? { at: idle, byIdling: true }
    : { at: session.endsAt, byIdling: false };
}

function noteUse(): void {
  const session = keptSession();
  if (!session || Date.now() - session.usedAt < 20_000) return;
  kept = { ...session, usedAt: Date.now() };
  try {
    localStorage.setItem(kSession, JSON.stringify(kept));
  } catch {
    // As above.
  }
}

type Listener = (problem: Problem) => void;
const signedOut = new Set<Listener>();

// Called when the server says that nobody is signed in any more.
export function onSignedOut(listener: Listener): () => void {
  signedOut.add(listener);
  return () => void signedOut.delete(listener);
}

const guard: Middleware = {
  onRequest({ request }) {
    const session = keptSession();
    if (session && request.method !== "GET") request.headers.set("X-CSRF-Token", session.csrf);
    return request;
  },
  onResponse({ response }) {
    if (response.ok) noteUse();
    return undefined;
  },
};

export const api = createClient<paths>({ baseUrl: "", credentials: "same-origin" });
api.use(guard);

interface ProblemBody {
  code?: string;
  detail?: string;
  request_id?: string;
  errors?: { field: string; message: string }[] | null;
}

function problemOf(status: number, body: unknown, retryAfter: string | null): Problem {
  const known = (typeof body === "object" && body !== null ? body : {}) as ProblemBody;
  const fields = Object.fromEntries((known.errors ?? []).map((one) => [one.field, one.message]));
  const seconds = retryAfter === null ? null : Number(retryAfter);
  const wait = seconds ? ` Try again in ${seconds < 90 ? `${seconds} seconds` : `${Math.ceil(seconds / 60)} minutes`}.` : "";
  const again = status >= 500 && !wait ? " Try again in a moment." : wait;
  const detail = known.detail ?? `The server answered ${status}.`;
  return new Problem(
    status, known.code ?? `http_${status}`, detail + again, fields, known.request_id ?? null, seconds);
}

interface Outcome {
  data?: unknown;
  error?: unknown;
  response: Response;
}

export async function answer<Data>(call: Promise<{ data?: Data; error?: unknown; response: Response }>): Promise<Data> {
  let outcome: Outcome;
  try {
    outcome = await call;
  } catch {
    throw new Problem(0, "unreachable",
      "The server could not be reached. Check the connection and try again.");
  }
  if (outcome.response.ok) return outcome.data as Data;
  const problem = problemOf(outcome.response.status, outcome.error,
    outcome.response.headers.get("Retry-After"));
  const lost = problem.status === 401 || problem.code.startsWith("csrf_token_");
  if (lost) for (const listener of signedOut) listener(problem);
  throw problem;
}

export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  return new Problem(0, "unexpected", "Something went wrong on this page. Reload it and try again.");
}
