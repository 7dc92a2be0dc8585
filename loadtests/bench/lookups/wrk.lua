-- wrk walks the lines of a file, from the first to the last and again, and counts the answers that are whole.
-- Arguments: the file; GET with what comes before and after a line in the path, or POST with the path, a line as body.

local requests, position = {}, 0
local threads = {}

function setup(thread)
    threads[#threads + 1] = thread
end

function init(args)
    whole = 0  -- global, so that done() can ask each thread for it
    local file, method, prefix, suffix = unpack(args)
    for line in io.lines(file) do
        if method == "POST" then
            requests[#requests + 1] = wrk.format("POST", prefix, nil, line)
        else
            requests[#requests + 1] = wrk.format("GET", prefix .. line .. suffix)
        end
    end
end

function request()
    position = position % #requests + 1
    return requests[position]
end

function response(status, _, body)
    if status == 200 and body:find('"degraded":false', 1, true) and not body:find('"degraded":true', 1, true) then
        whole = whole + 1
    end
end

function done(summary)
    local total = 0
    for _, thread in ipairs(threads) do
        total = total + thread:get("whole")
    end
    local errors = summary.errors
    local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
    local result = '\nRESULT {"seconds":%.6f,"answers":%d,"whole":%d,"errors":%d}\n'
    io.write(result:format(summary.duration / 1e6, summary.requests, total, failed))
end
