/** The files of deployments/, written by `npm run deploy`: do not edit. */
import type { NamedDeployment } from "./deployment.ts";

export const DEPLOYED: readonly NamedDeployment[] = [];
