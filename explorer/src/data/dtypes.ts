import { DTYPES, type DTypeName } from "../../../program/src/dtype.ts";

export function isDType(name: string): name is DTypeName {
  return DTYPES.some((dtype) => dtype.name === name);
}
