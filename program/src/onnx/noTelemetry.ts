// onnxruntime's builds for Linux tell Microsoft of the machine and of the models that it runs, unless this is set when it starts.
process.env["ORT_DISABLE_TELEMETRY"] = "1";
