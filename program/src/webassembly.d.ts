/** The part of the WebAssembly JavaScript interface that the kernels need; TypeScript knows it only together with the whole DOM. */
declare namespace WebAssembly {
  interface Memory {
    readonly buffer: ArrayBuffer;
    grow(pages: number): number;
  }
  type Module = object;
  const Module: new (code: Uint8Array<ArrayBuffer>) => Module;
  class Instance {
    constructor(module: Module);
    readonly exports: Readonly<Record<string, unknown>>;
  }
  function validate(code: Uint8Array<ArrayBuffer>): boolean;
}
