"""A client of the federation that is measured."""
import asyncio
import http.client
import json
import os
import ssl
import time

import aiohttp


def percentiles(seconds):
    """In milliseconds."""
    ordered = sorted(seconds)
    if not ordered:
        return None
    at = lambda share: round(1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))], 1)
    return {"p50": at(0.5), "p95": at(0.95), "p99": at(0.99), "max": at(1)}


class Cloud:
    def __init__(self, federation, user, project):
        self.federation, self.user, self.project, self.token = federation, user, project, None
        self.urls = {service: f"{federation.scheme}://127.0.0.1:{federation.ports[service]}" for service in ("identity", "image", "compute")}
        self.trust = ssl.create_default_context(cafile=federation.authority) if federation.tls else None
        self.failures = {}

    async def __aenter__(self):
        self.http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=self.trust if self.trust else True),
            timeout=aiohttp.ClientTimeout(total=120))
        domain = {"id": "default"}
        self.login = {"auth": {
            "identity": {"methods": ["password"], "password": {
                "user": {"name": self.user, "password": "bench-of-" + self.user, "domain": domain}}},
            "scope": {"project": {"name": self.project, "domain": domain}}}}
        _, headers, body = await self.call("POST", "identity", "/v3/auth/tokens", json=self.login)
        self.token, self.project_id = headers["X-Subject-Token"], json.loads(body)["token"]["project"]["id"]
        return self

    async def __aexit__(self, *_):
        await self.http.close()

    async def call(self, method, service, path, headers=None, **options):
        """(seconds, headers, body); the body is None when the answer was no success, which is counted."""
        sent = {"X-OpenStack-Nova-API-Version": "2.37", **({"X-Auth-Token": self.token} if self.token else {}), **(headers or {})}
        began = time.perf_counter()
        try:
            async with self.http.request(method, self.urls[service] + path, headers=sent, **options) as answer:
                body = await answer.read()
                if answer.status < 300:
                    return time.perf_counter() - began, answer.headers, body
                failure = f"{method} {path.split('/')[-1][:12]} {answer.status} {body[:120].decode(errors='replace')}"
        except (aiohttp.ClientError, asyncio.TimeoutError, OSError) as error:
            failure = f"{method} {type(error).__name__}"
        self.failures[failure] = self.failures.get(failure, 0) + 1
        return time.perf_counter() - began, {}, None

    async def image(self):
        _, _, body = await self.call("POST", "image", "/v2/images", json={
            "name": "bench", "disk_format": "raw", "container_format": "bare"})
        image = json.loads(body)["id"]
        await self.call("PUT", "image", f"/v2/images/{image}/file", data=b"\0" * 4096, headers={"Content-Type": "application/octet-stream"})
        return image

    def transfer(self, method, path, mebibytes):
        """One image up or down on a connection of its own, in large pieces: the client must not be what is measured. Seconds."""
        port = self.federation.ports["image"]
        link = http.client.HTTPSConnection("127.0.0.1", port, context=self.trust) if self.trust else http.client.HTTPConnection("127.0.0.1", port)
        block = os.urandom(1 << 20)
        began = time.perf_counter()
        link.putrequest(method, path)
        link.putheader("X-Auth-Token", self.token)
        if method == "PUT":
            link.putheader("Content-Type", "application/octet-stream")
            link.putheader("Content-Length", str(mebibytes << 20))
        link.endheaders()
        if method == "PUT":
            for _ in range(mebibytes):
                link.send(block)
        answer, size = link.getresponse(), 0
        piece = bytearray(1 << 20)
        while count := answer.readinto(piece):
            size += count
        spent = time.perf_counter() - began
        link.close()
        if answer.status >= 300 or (method == "GET" and size != mebibytes << 20):
            self.failures[f"image {method} {answer.status}"] = 1
        return spent


async def many(count, concurrency, one):
    """Runs one(i) `count` times, so many at a time: (wall seconds, results)."""
    todo, results = iter(range(count)), []

    async def worker():
        for index in todo:
            results.append(await one(index))
    began = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(concurrency)))
    return time.perf_counter() - began, results
