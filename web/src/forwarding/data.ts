// Where the traces of a platform are sent on to: its settings, how it goes, and what was given up.

import { useQuery, useQueryClient } from "@tanstack/react-query";

import { answer, api, asProblem } from "../api/client";

// Whether the API can do it; said by its description when the console is built (vite.config.ts).
declare const __API_FORWARDS_TRACES__: boolean;
export const forwardsTraces = __API_FORWARDS_TRACES__;

export interface Forwarding {
  platform_id: string;
  type: "webhook" | "otlp";
  url: string;
  encoding: "protobuf" | "json" | null;
  header_names: string[];
  enabled: boolean;
  disabled_reason: string | null;
  previous_secret_until: string | null;
  state: {
    queued: number;
    lag_seconds: number;
    delivered: number;
    dead_letters: number;
    failures: number;
    last_success_at: string | null;
    last_error_at: string | null;
    last_error: string | null;
    next_attempt_at: string | null;
  };
  secret?: string | null;
}

export interface DeadLetter {
  id: string;
  trace_id: string | null;
  status: number | null;
  error: string;
  attempts: number;
  failed_at: string;
}

export interface Tested {
  delivered: boolean;
  status: number | null;
  duration_ms: number;
  error: string | null;
}

const base = "/api/v1/platforms/{id}/forwarding";
const at = (id: string, body?: unknown) => ({ params: { path: { id } }, ...(body === undefined ? {} : { body }) }) as never;

export const setForwarding = (id: string, body: unknown) => answer<Forwarding>(api.PUT(base as never, at(id, body)));
export const removeForwarding = (id: string) => answer<unknown>(api.DELETE(base as never, at(id)));
export const rotateForwardingSecret = (id: string) => answer<Forwarding>(api.POST(`${base}/rotate-secret` as never, at(id, {})));
export const testForwarding = (id: string) => answer<Tested>(api.POST(`${base}/test` as never, at(id, {})));
export const redrive = (id: string, dead_letter_id?: string) =>
  answer<{ redriven: number }>(api.POST(`${base}/redrive` as never, at(id, dead_letter_id ? { dead_letter_id } : {})));

// Null: nothing is set up yet.
export function useForwarding(id: string) {
  return useQuery({
    queryKey: ["forwarding", id],
    refetchInterval: 10_000,
    queryFn: async (): Promise<Forwarding | null> => {
      try {
        return await answer<Forwarding>(api.GET(base as never, at(id)));
      } catch (error) {
        if (asProblem(error).status === 404) return null;
        throw error;
      }
    },
  });
}

export function useDeadLetters(id: string, enabled: boolean) {
  return useQuery({
    queryKey: ["forwarding", id, "dead letters"],
    enabled,
    queryFn: () => answer<{ items: DeadLetter[]; next_cursor: string | null }>(api.GET(`${base}/dead-letters` as never, at(id))),
  });
}

export function useForwardingChanged(id: string): () => Promise<void> {
  const queries = useQueryClient();
  return () => queries.invalidateQueries({ queryKey: ["forwarding", id] });
}
