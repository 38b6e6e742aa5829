/** Draws the page. */
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Router } from "wouter";
import { useHashLocation } from "wouter/use-hash-location";
import { Boot } from "./boot.tsx";
import { applyTheme } from "./ui/theme.ts";
import "./style.css";

applyTheme();
const client = new QueryClient({
  defaultOptions: { queries: { gcTime: 60_000, retry: 1, refetchOnWindowFocus: false } },
});
const root = document.getElementById("root");
if (root !== null)
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={client}>
        <Router hook={useHashLocation}>
          <Boot />
        </Router>
      </QueryClientProvider>
    </StrictMode>,
  );
