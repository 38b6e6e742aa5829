"use strict";
const { reporters, Runner } = require("mocha");

/** Mocha's usual reporter, which also shows what failed at the first of two tries: "↻ title: why". */
module.exports = class extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    runner.on(Runner.constants.EVENT_TEST_RETRY, ({ title }, error) => {
      console.log(`    ↻ ${title}: ${error.stack ?? error.message}`);
    });
  }
};
