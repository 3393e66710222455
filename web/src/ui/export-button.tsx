import { Download } from "lucide-react";
import { useState } from "react";

import { asProblem } from "../api/client";
import { Button } from "./button";
import { useNotice } from "./notices";

// Reads what there is, saves it, and says how much it was.
export function ExportButton({ label = "Export CSV", run }: {
  label?: string;
  run(): Promise<{ count: number; more: boolean }>;
}) {
  const say = useNotice();
  const [busy, setBusy] = useState(false);
  return (
    <Button
      busy={busy}
      onClick={async () => {
        setBusy(true);
        try {
          const { count, more } = await run();
          say(`${count.toLocaleString()} ${count === 1 ? "row" : "rows"} saved.${more ? " There are more: narrow it with the filters, or use the command line." : ""}`);
        } catch (error) {
          say(asProblem(error).message);
        }
        setBusy(false);
      }}
    >
      <Download size={16} aria-hidden /> {label}
    </Button>
  );
}
