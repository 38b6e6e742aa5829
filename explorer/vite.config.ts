/** Builds the explorer to static files that can be served under any path. */
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  root: import.meta.dirname,
  base: "./",
  plugins: [react()],
  build: { target: "es2023", outDir: "dist", emptyOutDir: true, chunkSizeWarningLimit: 600 },
});
