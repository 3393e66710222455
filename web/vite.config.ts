import react from "@vitejs/plugin-react";
import tailwindcss from "@tailwindcss/vite";
import { readFileSync } from "node:fs";
import { defineConfig } from "vite";

// `npm run dev` shows the console with a running server behind it: KEYWRIGHT_URL names that server.
const server = process.env.KEYWRIGHT_URL ?? "http://127.0.0.1:8080";

const description = readFileSync(new URL("../tests/golden/openapi.json", import.meta.url), "utf8");

export default defineConfig({
  define: {
  },
  base: "/console/",
  plugins: [react(), tailwindcss()],
  build: {
    target: "es2022",
    outDir: process.env.KEYWRIGHT_CONSOLE_OUT ?? "dist",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: {
    proxy: Object.fromEntries(
      ["/api", "/docs", "/openapi.json", "/public", "/healthz"].map((path) => [path, server]),
    ),
  },
});
