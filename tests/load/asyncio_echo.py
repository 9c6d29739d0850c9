#!/usr/bin/python3
"""An echo server on asyncio's streams, as in its documentation. Prints its port.

    asyncio_echo.py [BACKLOG]       default: asyncio's own, 100
"""

import asyncio
import resource
import sys


async def echo(reader, writer):
    while data := await reader.read(4096):
        writer.write(data)
        await writer.drain()
    writer.close()


async def main():
    backlog = {"backlog": int(sys.argv[1])} if len(sys.argv) > 1 else {}
    server = await asyncio.start_server(echo, "127.0.0.1", 0, **backlog)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
asyncio.run(main())
