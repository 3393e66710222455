import type { Key } from "../api/client";
import { Modal } from "../ui/dialog";
import UsagePanel from "./usage-panel";

export default function UsageDialog({ item, onClose }: { item: Key; onClose(): void }) {
  return <Modal title={`Usage of “${item.name}”`} onClose={onClose} wide><UsagePanel id={item.id} first="30d" table /></Modal>;
}
