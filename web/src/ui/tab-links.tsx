// Pages that belong together: links that look like tabs, each with its own address.

import { Link, useLocation } from "wouter";

export function TabLinks({ label, tabs }: { label: string; tabs: { to: string; text: string }[] }) {
  const [path] = useLocation();
  const current = tabs.filter((tab) => path === tab.to || path.startsWith(`${tab.to}/`)).at(-1)?.to;
  return (
    <nav aria-label={label} className="flex flex-wrap gap-x-1 border-b border-line">
      {tabs.map((tab) => (
        <Link
          key={tab.to}
          href={tab.to}
          aria-current={tab.to === current ? "page" : undefined}
          className="-mb-px flex min-h-10 items-center border-b-2 border-transparent px-3 text-quiet hover:text-ink
            aria-[current=page]:border-accent aria-[current=page]:font-medium aria-[current=page]:text-ink"
        >
          {tab.text}
        </Link>
      ))}
    </nav>
  );
}
