#!lua name=tallystick_sessions
-- Sessions, one-time artefacts and rate cells. Each function is one step, of which nobody sees a half.
--
-- All keys come through KEYS and share one hash tag, so that a cluster can serve them. Times are milliseconds of the server's clock.
-- How long a key lives is housekeeping and never decides: what has passed is told from the times inside the record.
-- Answers are words with one space between them, the status first: to a client one text costs less than a list of ten.

local SUFFIX, TEST_CLOCK = '', false -- Set by who loads the library. With false, no offset is ever read.

local function clock(key)
    local time = redis.call('TIME')
    local now = time[1] * 1000 + math.floor(time[2] / 1000)
    if TEST_CLOCK then
        now = now + (tonumber(redis.call('GET', key:match('^(.-)%l+:{') .. 'clock')) or 0)
    end
    return now
end

local function whole(number)
    return string.format('%.0f', number) -- Lua would write 1.7e+12.
end

local function words(...)
    return table.concat({ ... }, ' ')
end

local function register(name, callback, flags)
    redis.register_function({ function_name = name .. SUFFIX, callback = callback, flags = flags or {} })
end

local READS, ENDS = { 'no-writes' }, { 'allow-oom' } -- A server that is full can still end sessions.

if TEST_CLOCK then
    register('advance', function(keys, args) return redis.call('INCRBY', keys[1], args[1]) end)
end
