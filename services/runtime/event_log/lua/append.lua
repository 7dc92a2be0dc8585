-- Appends messages to one partition with dense offsets; all of them become visible together. Refuses them when the
-- stream is full: what is not applied yet is held in memory, which the rest of the state needs too.
-- KEYS: the partition's stream, its counter of the next offset. ARGV: most records held, then key, value, key, value, ...
-- An entry's id carries its offset as `<offset>-1`, because a stream refuses the id 0-0.
if redis.call('XLEN', KEYS[1]) >= tonumber(ARGV[1]) then
  return redis.error_reply('BACKLOG the workers are too far behind')
end
local clock = redis.call('TIME')
local appended_ms = clock[1] * 1000 + math.floor(clock[2] / 1000)
local offset = tonumber(redis.call('GET', KEYS[2]) or 0)
for i = 2, #ARGV, 2 do
  redis.call('XADD', KEYS[1], string.format('%.0f-1', offset), 'k', ARGV[i], 'v', ARGV[i + 1], 't', appended_ms)
  offset = offset + 1
end
redis.call('SET', KEYS[2], offset)
