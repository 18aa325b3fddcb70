"""What is measured. Each scenario returns figures; CPU is that of all processes of the federation, PostgreSQL's included."""
import asyncio
import json
import os
import time

from accounting import Meter, cpu, memory
from cloud import many, percentiles


def metered(cloud):
    return Meter(cloud.federation.pids, time.perf_counter, cloud.federation.idle_cores)


def figures(meter, wall, seconds, operations):
    read = meter.read()
    return {"operations": operations, "per_s": round(operations / wall, 1), "ms": percentiles(seconds),
            "cpu_ms": round(1000 * read["cpu_s"] / max(operations, 1), 3),
            "cpu_ms_above_idle": round(1000 * max(0, read["cpu_s"] - read["cpu_idle_s"]) / max(operations, 1), 3), **read}


async def idle(cloud, seconds=10):
    """Memory and CPU while nothing is asked."""
    federation = cloud.federation
    await asyncio.sleep(5)
    start = cpu(federation.pids)
    await asyncio.sleep(seconds)
    used = {name: (after - start[name]) / seconds for name, after in cpu(federation.pids).items()}
    federation.idle_cores = sum(used.values())
    sizes = memory(federation.pids)
    return {"pss_mib": round(sum(sizes[name] for name in federation.own_pids), 1), "pss_with_postgresql_mib": round(sum(sizes.values()), 1),
            "pss_by_process_mib": {name: round(size, 1) for name, size in sorted(sizes.items(), key=lambda each: -each[1])},
            "cores": round(sum(used[name] for name in federation.own_pids), 3), "cores_with_postgresql": round(sum(used.values()), 3),
            "cores_by_process": {name: round(share, 4) for name, share in used.items() if share >= 0.001}}


async def requests(cloud, count, concurrency, method, service, path, **options):
    async def one(_):
        return (await cloud.call(method, service, path, **options))[0]
    await one(0)
    meter = metered(cloud)
    wall, seconds = await many(count, concurrency, one)
    return figures(meter, wall, seconds, count)


async def token_issue(cloud, count=200):
    return await requests(cloud, count, 8, "POST", "identity", "/v3/auth/tokens", json=cloud.login)


async def token_validation(cloud, count=5000):
    return await requests(cloud, count, 16, "GET", "identity", "/v3/auth/tokens", headers={"X-Subject-Token": cloud.token})


async def server_list(cloud, count=200):
    """Long enough that what a storm just before has left to do in the cells weighs little."""
    found = await requests(cloud, count, 1, "GET", "compute", "/v2.1/servers/detail")
    _, _, body = await cloud.call("GET", "compute", "/v2.1/servers/detail")
    return {"servers": len(json.loads(body)["servers"]), "bytes": len(body), **found}


async def boot_storm(cloud, image, count, concurrency=32, rate=None):
    """Boots, and waits until all have ended. Without a rate, as fast as they are taken; with one, so many are sent each second,
    whatever becomes of those before."""
    sent, ended, errors = {}, {}, 0
    name = f"b{int(time.time())}"
    began_all, all_sent = time.perf_counter(), asyncio.Event()
    known = set()

    async def one(index):
        if rate:
            await asyncio.sleep(max(0, began_all + index / rate - time.perf_counter()))
        began = time.perf_counter()
        spent, _, body = await cloud.call("POST", "compute", "/v2.1/servers", json={"server": {
            "name": f"{name}-{index}", "imageRef": image, "flavorRef": "1", "networks": "none"}})
        if body is not None:
            sent[json.loads(body)["server"]["id"]] = began
        return spent

    async def watch():
        """Five times a second, the names of those that are active: the resolution of POST to ACTIVE."""
        nonlocal errors
        while time.perf_counter() - began_all < 300:
            at = time.perf_counter()
            _, _, body = await cloud.call("GET", "compute", f"/v2.1/servers?status=ACTIVE&name={name}&limit=1000")
            now = time.perf_counter()
            page = [server["id"] for server in json.loads(body or b'{"servers": []}')["servers"]]
            while len(page) % 1000 == 0 and page:
                _, _, body = await cloud.call("GET", "compute", f"/v2.1/servers?status=ACTIVE&name={name}&limit=1000&marker={page[-1]}")
                more = [server["id"] for server in json.loads(body or b'{"servers": []}')["servers"]]
                if not more:
                    break
                page += more
            for server in page:
                ended.setdefault(server, now)
            if all_sent.is_set():
                if len(ended) >= len(sent):
                    return
                _, _, body = await cloud.call("GET", "compute", f"/v2.1/servers?status=ERROR&name={name}")
                errors = len(json.loads(body or b'{"servers": []}')["servers"])
                if len(ended) + errors >= len(sent):
                    return
            await asyncio.sleep(max(0, 0.2 - (time.perf_counter() - at)))
    meter = metered(cloud)
    watcher = asyncio.create_task(watch())
    wall_sent, posts = await many(count, count if rate else concurrency, one)
    all_sent.set()
    await watcher
    wall = max(ended.values(), default=time.perf_counter()) - began_all
    found = figures(meter, wall, posts, len(ended))
    # From the first that was seen active to the last: what is kept up, without the time that the first and the last took.
    span = max(ended.values(), default=0) - min(ended.values(), default=0)
    first = sum(1 for at in ended.values() if at == min(ended.values()))
    return {**found, "kept_per_s": round((len(ended) - first) / span, 1) if span > 0 else 0, "boots_per_s": round(len(ended) / wall, 1), "posts_per_s": round(count / wall_sent, 1), "accepted": len(sent),
            "active": len(ended), "error": errors, "post_ms": percentiles(posts) if not rate else found["ms"],
            "post_to_active_ms": percentiles([at - sent[server] for server, at in ended.items() if server in sent])}


async def delete_storm(cloud, concurrency=32):
    _, _, body = await cloud.call("GET", "compute", "/v2.1/servers?limit=1000")
    servers, deleted, seconds = [server["id"] for server in json.loads(body)["servers"]], 0, []
    meter, began = metered(cloud), time.perf_counter()

    async def one(index):
        return (await cloud.call("DELETE", "compute", f"/v2.1/servers/{servers[index]}"))[0]
    while servers and time.perf_counter() - began < 120:
        _, spent = await many(len(servers), concurrency, one)
        seconds += spent
        deleted += len(servers)
        while True:
            _, _, body = await cloud.call("GET", "compute", "/v2.1/servers?limit=1000")
            left = [server["id"] for server in json.loads(body)["servers"]]
            fresh = [server for server in left if server not in set(servers)]
            if not left or fresh or time.perf_counter() - began > 120:
                servers = fresh
                break
            await asyncio.sleep(0.2)
    return figures(meter, time.perf_counter() - began, seconds, deleted)


def disk(folder, mebibytes):
    """MiB/s of writing a file and making it durable, with nothing else to do: no upload is faster than this."""
    block, path = os.urandom(1 << 20), f"{folder}/disk"
    began = time.perf_counter()
    with open(path, "wb", buffering=0) as file:
        for _ in range(mebibytes):
            file.write(block)
        os.fsync(file.fileno())
    spent = time.perf_counter() - began
    os.unlink(path)
    return round(mebibytes / spent, 1)


async def image_transfer(cloud, mebibytes=256, rounds=3):
    """An image up and down, the best of a few rounds for the rate, all of them for the CPU."""
    found, images = {"mib": mebibytes}, []
    found["disk_mib_per_s"] = max([await asyncio.to_thread(disk, cloud.federation.folder, mebibytes) for _ in range(rounds)])
    for _ in range(rounds):
        _, _, body = await cloud.call("POST", "image", "/v2/images", json={"name": "big", "disk_format": "raw", "container_format": "bare"})
        images.append(json.loads(body)["id"])
    for verb, method in (("upload", "PUT"), ("download", "GET")):
        meter, spent = metered(cloud), []
        for image in images:
            spent.append(await asyncio.to_thread(cloud.transfer, method, f"/v2/images/{image}/file", mebibytes))
        read = meter.read()
        found[verb] = {"mib_per_s": round(mebibytes / min(spent), 1), "all_mib_per_s": [round(mebibytes / s, 1) for s in spent],
                       "cpu_ms_per_mib": round(1000 * read["cpu_s"] / (rounds * mebibytes), 3), **read}
    for image in images:
        await cloud.call("DELETE", "image", f"/v2/images/{image}")
    found["uploads at once"] = await uploads_at_once(cloud, mebibytes)
    return found


async def uploads_at_once(cloud, mebibytes, clients=4):
    """Several images up beside each other: MiB/s of all of them."""
    images = []
    for _ in range(clients):
        _, _, body = await cloud.call("POST", "image", "/v2/images", json={"name": "big", "disk_format": "raw", "container_format": "bare"})
        images.append(json.loads(body)["id"])
    meter, began = metered(cloud), time.perf_counter()
    await asyncio.gather(*(asyncio.to_thread(cloud.transfer, "PUT", f"/v2/images/{image}/file", mebibytes) for image in images))
    wall, read = time.perf_counter() - began, meter.read()
    for image in images:
        await cloud.call("DELETE", "image", f"/v2/images/{image}")
    return {"clients": clients, "mib_per_s": round(clients * mebibytes / wall, 1),
            "cpu_ms_per_mib": round(1000 * read["cpu_s"] / (clients * mebibytes), 3), **read}
