-- wrk sends the bearer tokens of a file, one a line, in turn. Requests are made beforehand: only sending is measured.
local requests, sent = {}, 0

function init(args)
  for token in io.lines(args[1]) do
    requests[#requests + 1] = wrk.format("GET", nil, {["Authorization"] = "Bearer " .. token})
  end
end

function request()
  sent = sent + 1
  return requests[sent % #requests + 1]
end
