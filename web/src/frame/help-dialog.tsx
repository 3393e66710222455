import { Modal } from "../ui/dialog";
import { places, singleLetters } from "./shortcuts";

function Keys({ keys }: { keys: string }) {
  return (
    <>
      {keys.split(" ").map((key) => (
        <kbd key={key} className="mr-1 inline-block min-w-7 rounded-md border border-edge bg-sunken px-1.5 py-0.5 text-center font-mono text-sm">{key}</kbd>
      ))}
    </>
  );
}

export default function HelpDialog({ onClose }: { onClose(): void }) {
  const letters: [string, string][] = [
    ["/", "Search"], ["c", "Create API key"],
    ...Object.entries(places).map(([key, [, name]]): [string, string] => [`g ${key}`, name]),
    ["?", "These shortcuts"],
  ];
  const shown: [string, string][] = [["Ctrl K", "Go to anything (⌘ K on a Mac)"], ...(singleLetters() ? letters : [])];
  return (
    <Modal title="Shortcuts" onClose={onClose}>
      <dl className="grid grid-cols-[auto_1fr] items-center gap-x-5 gap-y-2">
        {shown.map(([keys, what]) => (
          <div key={keys} className="contents"><dt><Keys keys={keys} /></dt><dd>{what}</dd></div>
        ))}
      </dl>
      <p className="text-sm text-quiet">
        Single letters are {singleLetters() ? "on" : "off"}; Account settings → Profile turns them {singleLetters() ? "off" : "on"}.
      </p>
    </Modal>
  );
}
