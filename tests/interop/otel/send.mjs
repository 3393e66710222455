// Sends spans with a real OpenTelemetry exporter and tells what became of them, as one line of JSON.
//
//   node send.mjs '{"url":"http://127.0.0.1:8080/v1/traces","key":"mibo_...","form":"json",
//                   "gzip":false,"processor":"batch","spans":512,"service":"agent"}'
import { diag, DiagLogLevel, SpanStatusCode, trace, context } from "@opentelemetry/api";
import { OTLPTraceExporter as JsonExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { OTLPTraceExporter as ProtoExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, NodeTracerProvider, SimpleSpanProcessor }
  from "@opentelemetry/sdk-trace-node";

const asked = JSON.parse(process.argv[2]);
const logged = [];
const keep = (level) => (...words) => logged.push(`${level}: ${words.map(String).join(" ").slice(0, 400)}`);
diag.setLogger({ error: keep("error"), warn: keep("warn"), info() {}, debug() {}, verbose() {} },
               DiagLogLevel.WARN);

const Exporter = asked.form === "json" ? JsonExporter : ProtoExporter;
const exporter = new Exporter({
  url: asked.url,
  headers: { "x-api-key": asked.key },
  compression: asked.gzip ? "gzip" : "none",
  concurrencyLimit: 100000,
});
const results = [];
const watched = {
  export(spans, done) {
    exporter.export(spans, (result) => {
      results.push(result.code === 0 ? "success" : String(result.error && result.error.message));
      done(result);
    });
  },
  forceFlush: () => exporter.forceFlush(),
  shutdown: () => exporter.shutdown(),
};
const processor = asked.processor === "simple"
  ? new SimpleSpanProcessor(watched)
  : new BatchSpanProcessor(watched, { maxQueueSize: 100000, maxExportBatchSize: asked.batch ?? 512 });
const attributes = { "service.name": asked.service, ...(asked.resource ?? {}) };
const provider = new NodeTracerProvider({
  resource: resourceFromAttributes(attributes), spanProcessors: [processor],
  spanLimits: { attributeCountLimit: 128 },
});
const tracer = provider.getTracer("keywright-interop", "1.0");

const root = tracer.startSpan("root");
const under = trace.setSpan(context.active(), root);
for (let i = 1; i < asked.spans; i++) {
  const span = tracer.startSpan(`child ${i}`, {
    attributes: {
      "int": i, "big": 2 ** 40 + i, "double": 0.5 + i, "bool": i % 2 === 0,
      "list": ["a", "b", "ä€𝄞"], "text": "x".repeat(40), "unicode": "ä€𝄞 \u0007\"\\",
    },
  }, under);
  span.addEvent("tick", { n: i });
  if (asked.failing && i === 1) span.setStatus({ code: SpanStatusCode.ERROR, message: "broke" });
  span.end();
}
root.end();
// A refusal is in `results`; flushing tells of it once more.
await provider.forceFlush().catch(() => {});
await provider.shutdown().catch(() => {});
console.log(JSON.stringify({ trace: root.spanContext().traceId, results, logged }));
