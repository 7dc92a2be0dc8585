-- The ends of all stored snapshots of a model: there stand how much they have learned and until when, and a whole one
-- may have megabytes. KEYS: the hash of them. ARGV: bytes of an end. Returns numbers and ends by turns.
local found = {}
for _, number in ipairs(redis.call('HKEYS', KEYS[1])) do
  found[#found + 1] = number
  found[#found + 1] = string.sub(redis.call('HGET', KEYS[1], number), -tonumber(ARGV[1]))
end
return found
