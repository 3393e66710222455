// Why a key is refused, in words, and what to do about it. Codes of checks are in capitals, those of doors
// and of the audit log are not.

interface Words {
  why: string;
  advice: string;
}

const words: Record<string, Words> = {
  MALFORMED: { why: "This is no key.", advice: "Look for a part that was cut off when it was copied." },
  NOT_FOUND: { why: "Nobody knows this key.", advice: "It may belong to another organization or server." },
  REVOKED: { why: "The key is revoked.", advice: "It is gone for good. Create a new one." },
  EXPIRED: { why: "The key has expired.", advice: "Give it a later date, or create its successor." },
  IDLE_TIMEOUT: { why: "The key was not used for too long.", advice: "Create a new one." },
  DISABLED: { why: "The key is disabled.", advice: "Enable it to let it in again." },
  OWNER_INACTIVE: { why: "Its owner is no longer active.", advice: "Activate them, or make the key for a service account." },
  WRONG_AUDIENCE: { why: "It was used at a door its kind does not open.", advice: "Create a key of the kind that opens it." },
  OUT_OF_SCOPE: { why: "The resource is outside of its scope, or of its owner's reach.", advice: "Widen the scope, or give the owner access." },
  INSUFFICIENT_PERMISSION: { why: "It, or its owner, lacks a right.", advice: "Add the permission, or change the owner's role." },
  IP_NOT_ALLOWED: { why: "It came from a network that is not allowed.", advice: "Add the network to the key." },
  RATE_LIMITED: { why: "It was used more often than its limit.", advice: "Slow the client down, or raise the limit." },
  USAGE_EXCEEDED: { why: "Its credits are spent.", advice: "Add credits, or wait until they are refilled." },
  OTHER: { why: "The reason was lost when the server was stopped hard.", advice: "Check the key to see whether it would be refused now." },
  wrong_key_kind: { why: "It was used at a door its kind does not open.", advice: "Create a key of the kind that opens it." },
  insufficient_scope: { why: "The server is not in its scope, or not within its owner's reach now.", advice: "Add it to the scope or to a registry of the owner." },
  forbidden: { why: "Its owner lacks the role for this.", advice: "Change the role, or use a key of somebody who has it." },
};

export function outcomeWords(code: string | null): Words {
  const known = code ? words[code] ?? words[code.toUpperCase()] : undefined;
  return known ?? { why: code ? `Refused: ${code.replaceAll("_", " ")}.` : "Refused.", advice: "" };
}
