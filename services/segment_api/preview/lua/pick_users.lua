-- The users of a partition at some ranks.
-- KEYS: index of users. ARGV: ranks, from 0. Returns their members; a rank past the end gives none.
local found = {}
for _, rank in ipairs(ARGV) do
  found[#found + 1] = redis.call('ZRANGE', KEYS[1], rank, rank)[1]
end
return found
