-- Reads something of a partition together with the name of the last write to it: KEYS are the turn and what is read,
-- ARGV the command and its further arguments. What is read belongs to that turn.
return {redis.call('GET', KEYS[1]) or '', redis.call(ARGV[1], KEYS[2], unpack(ARGV, 2))}
