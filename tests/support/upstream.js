// An ordinary Node server: says on standard output what it was asked, one JSON line for each.
const server = require("http").createServer((request, response) => {
  let length = 0;
  request.on("data", (piece) => { length += piece.length; });
  request.on("end", () => {
    console.log(JSON.stringify({ method: request.method, target: request.url, length }));
    response.end("ok");
  });
});
server.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ port: server.address().port })));
