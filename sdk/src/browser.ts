/** The package's door for what takes a page. */
import { AssayError } from "./error.ts";
import type { Pixels } from "./image.ts";

export { browserStore } from "./infer/browserStore.ts";

/**
 * The pixels of whatever can be drawn, for `imageTensor`, which resizes them alike everywhere; the browser only decodes.
 * @param width Of the source, pixels. @param height Of the source, pixels.
 * @throws {AssayError} BAD_TENSOR if the page may not read the pixels, as of an image from another site.
 */
export function pixelsOf(source: CanvasImageSource, width: number, height: number): Pixels {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (context === null) throw new AssayError("BAD_TENSOR", "this browser gives no canvas to draw on");
  try {
    context.drawImage(source, 0, 0, width, height);
    return context.getImageData(0, 0, width, height);
  } catch (cause) {
    throw new AssayError(
      "BAD_TENSOR",
      "the page may not read this image: serve it from the same site, or with CORS headers",
      { cause },
    );
  }
}
