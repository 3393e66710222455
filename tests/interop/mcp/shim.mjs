// Adds a key to every request of the conformance suite, which cannot send one itself. Host, Origin
// and everything else pass unchanged, in both directions, as they come.
//
//   KEY=kwm_... node shim.mjs http://127.0.0.1:8080     prints the port it listens on
import http from 'node:http';

const upstream = new URL(process.argv[2]);
const server = http.createServer((request, response) => {
  const headers = [];
  for (let i = 0; i < request.rawHeaders.length; i += 2) {
    if (request.rawHeaders[i].toLowerCase() !== 'authorization') {
      headers.push(request.rawHeaders[i], request.rawHeaders[i + 1]);
    }
  }
  headers.push('Authorization', `Bearer ${process.env.KEY}`);
  const onward = http.request(
    { host: upstream.hostname, port: upstream.port, method: request.method, path: request.url,
      headers, setHost: false },
    (answer) => {
      response.writeHead(answer.statusCode, answer.rawHeaders);
      response.flushHeaders();
      answer.pipe(response);
    });
  onward.on('error', () => response.destroy());
  response.on('close', () => onward.destroy());
  request.pipe(onward);
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
