// Where the traces of a platform are sent on to: its settings, how it goes, and what was given up.

import { useQuery, useQueryClient } from "@tanstack/react-query";

import { answer, api, asProblem, type Schemas } from "../api/client";

export type Forwarding = Schemas["ForwardingView"];
export type Tested = Schemas["ForwardingTest"];
export type DeadLetter = Schemas["DeadTrace"];

const at = (id: string) => ({ params: { path: { id } } });

export const setForwarding = (id: string, body: Schemas["SetForwarding"]) =>
  answer(api.PUT("/api/v1/platforms/{id}/forwarding", { ...at(id), body }));
export const removeForwarding = (id: string) => answer(api.DELETE("/api/v1/platforms/{id}/forwarding", at(id)));
export const rotateForwardingSecret = (id: string) =>
  answer(api.POST("/api/v1/platforms/{id}/forwarding/rotate-secret", { ...at(id), body: {} }));
export const testForwarding = (id: string) => answer(api.POST("/api/v1/platforms/{id}/forwarding/test", at(id)));
export const redrive = (id: string, dead_letter_id?: string) =>
  answer(api.POST("/api/v1/platforms/{id}/forwarding/redrive", { ...at(id), body: dead_letter_id ? { dead_letter_id } : {} }));

// Null: nothing is set up yet.
export function useForwarding(id: string) {
  return useQuery({
    queryKey: ["forwarding", id],
    refetchInterval: 10_000,
    queryFn: async (): Promise<Forwarding | null> => {
      try {
        return await answer(api.GET("/api/v1/platforms/{id}/forwarding", at(id)));
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
    queryFn: () => answer(api.GET("/api/v1/platforms/{id}/forwarding/dead-letters", at(id))),
  });
}

export function useForwardingChanged(id: string): () => Promise<void> {
  const queries = useQueryClient();
  return () => queries.invalidateQueries({ queryKey: ["forwarding", id] });
}
