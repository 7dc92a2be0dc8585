-- Appends messages to one partition with dense offsets; all of them become visible together.
-- KEYS: the partition's stream, its counter of the next offset. ARGV: key, value, key, value, ...
-- An entry's id carries its offset as `<offset>-1`, because a stream refuses the id 0-0.
local clock = redis.call('TIME')
local appended_ms = clock[1] * 1000 + math.floor(clock[2] / 1000)
local offset = tonumber(redis.call('GET', KEYS[2]) or 0)
for i = 1, #ARGV, 2 do
  redis.call('XADD', KEYS[1], string.format('%.0f-1', offset), 'k', ARGV[i], 'v', ARGV[i + 1], 't', appended_ms)
  offset = offset + 1
end
redis.call('SET', KEYS[2], offset)
