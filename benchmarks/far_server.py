"""A way to a server on loopback that takes longer: what is sent to it arrives after so many milliseconds, whole.

`python -m benchmarks.far_server --to http://127.0.0.1:8080 --latency-ms 50` prints one JSON line with its address.
Answers come back at once: each call costs one latency, as on a far server that is asked over a kept connection.
"""

import argparse
import asyncio
import json
import sys
from urllib.parse import urlsplit

_PIECE = 262_144


async def _forward(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, host: str, port: int, latency_s: float
) -> None:
    there_in, there_out = await asyncio.open_connection(host, port)
    await asyncio.gather(_copy(reader, there_out, latency_s), _copy(there_in, writer, 0.0))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, latency_s: float) -> None:
    try:
        while data := await reader.read(_PIECE):
            if latency_s:
                await asyncio.sleep(latency_s)
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass  # either side may leave
    finally:
        writer.close()


async def _serve(to: str, latency_s: float) -> None:
    place = urlsplit(to)
    host, port = place.hostname or "127.0.0.1", place.port or 80
    server = await asyncio.start_server(
        lambda reader, writer: _forward(reader, writer, host=host, port=port, latency_s=latency_s), "127.0.0.1", 0
    )
    sys.stdout.write(json.dumps({"graph": f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"}) + "\n")
    sys.stdout.flush()
    async with server:
        await server.serve_forever()


def main() -> None:
    """Serve until stopped; the first line on standard output is the address, as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", required=True)
    parser.add_argument("--latency-ms", type=float, default=50.0)
    options = parser.parse_args()
    asyncio.run(_serve(options.to, options.latency_ms / 1000))


if __name__ == "__main__":
    main()
