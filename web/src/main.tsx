import { CSPProvider } from "@base-ui/react/csp-provider";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { asProblem } from "./api/client";
import { App } from "./app";
import { Notices } from "./ui/notices";
import "./styles.css";

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5000,
      retry: (failures, error) => failures < 2 && (asProblem(error).status === 0 || asProblem(error).status >= 500),
    },
  },
});

createRoot(document.getElementById("app")!).render(
  <StrictMode>
    <CSPProvider disableStyleElements>
      <QueryClientProvider client={queries}>
        <Notices><App /></Notices>
      </QueryClientProvider>
    </CSPProvider>
  </StrictMode>,
);
