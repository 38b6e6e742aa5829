/** Bodies of strangers. */
import { Transform, type Readable } from "node:stream";

class TooLongError extends Error {
  readonly statusCode = 413;
}

/** Breaks a body off that has more bytes: how many come is not always said before. */
export function atMost(body: Readable, bytes: number): Readable {
  let length = 0;
  const counted = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      length += chunk.length;
      if (length > bytes) done(new TooLongError(`more than ${bytes} bytes`));
      else done(null, chunk);
    },
  });
  // As when the client is gone.
  body.once("error", (error) => counted.destroy(error));
  return body.pipe(counted);
}
