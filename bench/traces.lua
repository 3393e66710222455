-- bench/traces.lua - one native trace of about 1 KB in each request, no two alike.
--
--   wrk ... -s bench/traces.lua URL -- KEY PLATFORM_ID
--
-- One line of JSON on standard output tells what happened.

local head, filler, count

function init(arguments)
  head = "POST /public/traces HTTP/1.1\r\nHost: 127.0.0.1\r\nx-api-key: " .. arguments[1] ..
    "\r\nContent-Type: application/json\r\nContent-Length: "
  local words = {}
  math.randomseed(os.time())
  for i = 1, 150 do words[i] = string.format("w%x", math.random(1, 0xffffff)) end
  filler = "\",\"output\":\"" .. table.concat(words, " "):sub(1, 900) .. "\"},\"platformId\":\"" ..
    arguments[2] .. "\"}"
  count = 0
end

function request()
  count = count + 1
  local body = "{\"data\":{\"input\":\"" .. count .. filler
  return head .. #body .. "\r\n\r\n" .. body
end

function done(summary, latency)
  io.write(string.format(
    "{\"requests\":%d,\"microseconds\":%d,\"status\":%d,\"socket\":%d,\"p50\":%d,\"p99\":%d}\n",
    summary.requests, summary.duration, summary.errors.status,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
