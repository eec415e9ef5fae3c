-- Sends prepared requests in turn. REQUESTS names a file of them, each after its length in bytes and a newline.
local prepared, count, at = {}, 0, 0

function init()
  local file = assert(io.open(os.getenv("REQUESTS"), "rb"))
  while true do
    local length = file:read("*n")
    if length == nil then break end
    file:read(1)
    count = count + 1
    prepared[count] = file:read(length)
  end
  file:close()
end

function request()
  at = at % count + 1
  return prepared[at]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n@{"replies":%d,"microseconds":%d,"bytes":%d,"status":%d,"broken":%d,"p50":%d,"p95":%d,"p99":%d,"max":%d}\n',
    summary.requests, summary.duration, summary.bytes, errors.status,
    errors.timeout + errors.read + errors.write + errors.connect,
    latency:percentile(50), latency:percentile(95), latency:percentile(99), latency.max))
end
