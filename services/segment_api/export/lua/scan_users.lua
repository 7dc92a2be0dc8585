-- Some users of a partition, and where to go on. A cursor means something to the server alone that gave it: another
-- one, or the same one started again, keeps its users in another order. So the server says who it is.
--
-- KEYS: index of users. ARGV: cursor, about how many users.
-- Returns the id of this run of the server, the next cursor (0: that was all), and the members.
local server = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
local page = redis.call('ZSCAN', KEYS[1], ARGV[1], 'COUNT', ARGV[2])
local members = {}
for at = 1, #page[2], 2 do
  members[#members + 1] = page[2][at]
end
return {server, page[1], members}
