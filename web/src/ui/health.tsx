// Whether an MCP server answered when the server asked it last.

import type { Schemas } from "../api/client";
import { Badge } from "../keys/status";
import { Time } from "./time";

type Health = Schemas["McpHealth"];

export const eraWords = (health: Health) => [health.protocol_version, health.era].filter(Boolean).join(", ");

export function HealthLine({ health }: { health: Health | null | undefined }) {
  if (!health) {
    return <><Badge tone="good">Enabled</Badge><span className="block text-sm text-quiet">Not asked yet whether it answers</span></>;
  }
  return (
    <>
      <Badge tone={health.reachable ? "good" : "bad"}>{health.reachable ? "Answers" : "Does not answer"}</Badge>
      <span className="block text-sm text-quiet wrap-anywhere">
        {health.reachable ? eraWords(health) : health.problem} <span className="whitespace-nowrap">(<Time at={health.checked_at} />)</span>
      </span>
    </>
  );
}
