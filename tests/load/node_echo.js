// An echo server on node's net, as in its documentation. Prints its port.
// The argument is the backlog; default: node's own, 511.
'use strict';
const net = require('net');

const server = net.createServer((socket) => {
  socket.on('error', () => socket.destroy());
  socket.pipe(socket);
});
const where = {host: '127.0.0.1', port: 0};
if (process.argv[2]) where.backlog = Number(process.argv[2]);
server.listen(where, () => console.log(server.address().port));
