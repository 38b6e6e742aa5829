import { sql, type RawBuilder } from "kysely";

/** Whether a column's text is one of these: one parameter, however many there are (`in` has one each, and Postgres takes 65,535). */
export function among(column: string, values: readonly string[]): RawBuilder<boolean> {
  return sql<boolean>`${sql.ref(column)} = any(${[...values]}::text[])`;
}
