/** Networks of the sizes that people use, made from seeds in the graph shapes that exporters emit. */
import { mobilenetV2, resnet50, type Quantisation } from "./convolution.ts";
import { forest, lstm } from "./small.ts";
import { bertBase, gpt2Small } from "./transformer.ts";

export interface NetworkOptions {
  /** Of the images' sides. Default 224; a request on chain carries at most 80000 bytes of input. */
  readonly pixels?: number;
}

const U8U8: Quantisation = { type: "u8", format: "QOperator" };

export const NETWORKS: Readonly<Record<string, (options?: NetworkOptions) => Uint8Array>> = {
  forest: () => forest(),
  lstm: () => lstm(),
  mobilenetv2: (options) => mobilenetV2({ quantised: undefined, ...options }),
  "mobilenetv2-int8": (options) => mobilenetV2({ quantised: U8U8, ...options }),
  resnet50: (options) => resnet50({ quantised: undefined, ...options }),
  "resnet50-int8": (options) => resnet50({ quantised: U8U8, ...options }),
  "bert-base": () => bertBase({ quantised: false }),
  "bert-base-int8": () => bertBase({ quantised: true }),
  "gpt2-small": () => gpt2Small({ quantised: false }),
  "gpt2-small-int8": () => gpt2Small({ quantised: true }),
};
