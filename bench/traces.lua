-- bench/traces.lua - traces in each request, no two alike.
--
--   wrk ... -s bench/traces.lua URL -- one KEY PLATFORM_ID     a native trace of about 1 KB
--   wrk ... -s bench/traces.lua URL -- batch KEY     OTLP: 100 spans of about 1 KB, one trace
--   wrk ... -s bench/traces.lua URL -- many KEY      OTLP: 100 traces of one small span
--
-- One line of JSON on standard output tells what happened; "status" counts answers
-- that are not 2xx or 3xx.

local SPANS = 100
local mode, head, filler, count

local function words(bytes)
  local list = {}
  for i = 1, bytes / 6 do list[i] = string.format("w%x", math.random(1, 0xffffff)) end
  return table.concat(list, " "):sub(1, bytes)
end

function init(arguments)
  mode = arguments[1]
  math.randomseed(os.time())
  local path = mode == "one" and "/public/traces" or "/v1/traces"
  head = "POST " .. path .. " HTTP/1.1\r\nHost: 127.0.0.1\r\nx-api-key: " .. arguments[2] ..
    "\r\nContent-Type: application/json\r\nContent-Length: "
  count = math.random(1, 0x7fffff) * 0x10000
  if mode == "one" then
    filler = "\",\"output\":\"" .. words(900) .. "\"},\"platformId\":\"" .. arguments[3] .. "\"}"
  else
    filler = {}
    for i = 1, SPANS do filler[i] = words(mode == "batch" and 750 or 20) end
  end
end

local function span(trace, id, text)
  return "{\"traceId\":\"" .. trace .. "\",\"spanId\":\"" .. id ..
    "\",\"name\":\"work\",\"kind\":1," ..
    "\"startTimeUnixNano\":\"1700000000000000000\",\"endTimeUnixNano\":\"1700000001000000000\"," ..
    "\"attributes\":[{\"key\":\"gen_ai.response.text\",\"value\":{\"stringValue\":\"" ..
    text .. "\"}}]}"
end

local function batch()
  local spans = {}
  local trace = string.format("%032x", count)
  for i = 1, SPANS do
    if mode == "many" then trace = string.format("%024x%08x", count, i) end
    spans[i] = span(trace, string.format("%016x", i), filler[i])
  end
  return "{\"resourceSpans\":[{\"resource\":{\"attributes\":[]},\"scopeSpans\":[{\"spans\":[" ..
    table.concat(spans, ",") .. "]}]}]}"
end

function request()
  count = count + 1
  local body = mode == "one" and "{\"data\":{\"input\":\"" .. count .. filler or batch()
  return head .. #body .. "\r\n\r\n" .. body
end

function done(summary, latency)
  io.write(string.format(
    "{\"requests\":%d,\"microseconds\":%d,\"status\":%d,\"socket\":%d,\"p50\":%d,\"p99\":%d}\n",
    summary.requests, summary.duration, summary.errors.status,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
