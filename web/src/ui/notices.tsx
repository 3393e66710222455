// One line that says what just happened, read out and gone after a while. Never carries a secret.

import { createContext, useCallback, useContext, useEffect, useState, type ReactNode } from "react";

const Context = createContext<(text: string) => void>(() => undefined);

export function useNotice(): (text: string) => void {
  return useContext(Context);
}

export function Notices({ children }: { children: ReactNode }) {
  const [notice, setNotice] = useState<{ text: string; at: number } | null>(null);
  const say = useCallback((text: string) => setNotice({ text, at: Date.now() }), []);
  useEffect(() => {
    if (!notice) return;
    const timer = setTimeout(() => setNotice(null), 7000);
    return () => clearTimeout(timer);
  }, [notice]);
  return (
    <Context value={say}>
      {children}
      <div role="status" className="pointer-events-none fixed inset-x-0 bottom-4 z-[60] flex justify-center px-4">
        {notice && (
          <p key={notice.at} className="rounded-lg bg-ink px-4 py-2.5 text-page shadow-lg">{notice.text}</p>
        )}
      </div>
    </Context>
  );
}
