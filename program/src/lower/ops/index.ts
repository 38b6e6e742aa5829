/** Every operator that can be lowered, one table per family. */
import type { RuleTable } from "../registry.ts";
import { ACTIVATION } from "./activation.ts";
import { ARITHMETIC } from "./arithmetic.ts";
import { ATTENTION } from "./attention.ts";
import { BITCAST } from "./bitcast.ts";
import { CONSTANT } from "./constant.ts";
import { CONTROL } from "./control.ts";
import { CONV } from "./conv.ts";
import { CUMULATIVE } from "./cumulative.ts";
import { DEFORM } from "./deform.ts";
import { DET } from "./det.ts";
import { EINSUM } from "./einsum.ts";
import { FEATURE } from "./feature.ts";
import { FUSEDATTENTION } from "./fusedattention.ts";
import { GATED } from "./gated.ts";
import { GRIDSAMPLE } from "./gridsample.ts";
import { GROUPNORM } from "./groupnorm.ts";
import { GROUPQUERY } from "./groupquery.ts";
import { JOIN } from "./join.ts";
import { KNOWN } from "./known.ts";
import { LINEAR } from "./linear.ts";
import { LOGIC } from "./logic.ts";
import { LOSS } from "./loss.ts";
import { MATMUL } from "./matmul.ts";
import { NORM } from "./norm.ts";
import { OPTIMIZER } from "./optimizer.ts";
import { PLACE } from "./place.ts";
import { POOL } from "./pool.ts";
import { POSITION } from "./position.ts";
import { QELEMENTWISE } from "./qelementwise.ts";
import { QLINEAR } from "./qlinear.ts";
import { QMATMUL } from "./qmatmul.ts";
import { QPOOL } from "./qpool.ts";
import { QSOFTMAX } from "./qsoftmax.ts";
import { QUANTIZE } from "./quantize.ts";
import { RECURRENT } from "./recurrent.ts";
import { REDUCE } from "./reduce.ts";
import { RESIZE } from "./resize.ts";
import { ROI } from "./roi.ts";
import { ROTARY } from "./rotary.ts";
import { ROWNORM } from "./rownorm.ts";
import { SCATTER } from "./scatter.ts";
import { SHAPE } from "./shape.ts";
import { SIGNAL } from "./signal.ts";
import { STATEFUL } from "./stateful.ts";
import { TFIDF } from "./tfidf.ts";
import { TOPK } from "./topk.ts";
import { TRANSPOSED } from "./transposed.ts";
import { TREE } from "./tree.ts";
import { TRIGONOMETRY } from "./trigonometry.ts";

export const RULES: readonly RuleTable[] = [
  ACTIVATION,
  ARITHMETIC,
  ATTENTION,
  BITCAST,
  CONSTANT,
  CONTROL,
  CONV,
  CUMULATIVE,
  DEFORM,
  DET,
  EINSUM,
  FEATURE,
  FUSEDATTENTION,
  GATED,
  GRIDSAMPLE,
  GROUPNORM,
  GROUPQUERY,
  JOIN,
  KNOWN,
  LINEAR,
  LOGIC,
  LOSS,
  MATMUL,
  NORM,
  OPTIMIZER,
  PLACE,
  POOL,
  POSITION,
  QELEMENTWISE,
  QLINEAR,
  QMATMUL,
  QPOOL,
  QSOFTMAX,
  QUANTIZE,
  RECURRENT,
  REDUCE,
  RESIZE,
  ROI,
  ROTARY,
  ROWNORM,
  SCATTER,
  SHAPE,
  SIGNAL,
  STATEFUL,
  TFIDF,
  TOPK,
  TRANSPOSED,
  TREE,
  TRIGONOMETRY,
];
