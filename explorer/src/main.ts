/** Schemas are compiled with `new Function` unless told otherwise before the first is made; the page's policy forbids that. */
import { z } from "zod/v4";

z.config({ jitless: true });
void import("./start.tsx");
