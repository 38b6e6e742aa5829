/** What the benchmark measures, one at a time. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly ratioToOnnxruntime?: number;
}
