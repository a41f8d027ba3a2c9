"""The payment gateway of the recording: answers POST /charge after a short while, and declines a few cards."""

import asyncio
import random

from aiohttp import web


async def charge(request: web.Request) -> web.Response:
    order = await request.json()
    await asyncio.sleep(random.uniform(0.01, 0.05))
    if order["card"].endswith("7"):
        return web.json_response({"status": "declined", "reason": "insufficient funds"}, status=402)
    return web.json_response({"status": "captured", "id": f"ch_{random.getrandbits(40):010x}"})


if __name__ == "__main__":
    app = web.Application()
    app.router.add_post("/charge", charge)
    web.run_app(app, host="10.20.0.12", port=8081, print=None, access_log=None)
