import APIConventions
import CellProtocol
import CloudModel

/// `POST /servers`: checks what is asked for, stores the server's row and its create intent in one transaction, and answers 202.
/// The SuperScheduler takes it from there.
struct CreateServer: Sendable {
    let images: any ImageCatalog
    let flavors: FlavorStore
    let keypairs: KeypairStore
    let groups: ServerGroupStore
    let zones: ZoneStore
    let quotas: QuotaStore
    let store: CreateStore
    let batcher: CreateBatcher
    let signal: any IntentSignal
    /// A build that hasn't come up by then ends in ERROR (docs/life-of-a-server.md, build deadline).
    let buildDeadline: Duration

    /// The answer's body, and where the server is.
    struct Answer: Sendable {
        let bytes: [UInt8]
        let location: String
    }

    func callAsFunction(_ body: JSONValue, idempotencyKey: String?, by request: NovaRequest) async throws -> Answer {
        var bodyHash: String?
        if let idempotencyKey {
            guard (1...IdempotencyKey.longest).contains(idempotencyKey.utf8.count) else {
                throw CloudError(.badRequest, "An Idempotency-Key has 1 to \(IdempotencyKey.longest) characters.")
            }
            let used = try await store.used(idempotencyKey, by: request.project, body: Array(body.text.utf8))
            if let before = used.before {
                guard before.bodyHash == used.bodyHash else { throw Self.keyReused }
                return replay(before.server, before.answer, request)
            }
            bodyHash = used.bodyHash
        }
        let asked = try ServerCreateRequest(body, version: request.version)
        let began = Timestamp.now()
        let plan = try await resolve(asked, for: request)
        let resolved = Timestamp.now()

        var count = asked.counts.upperBound
        while true {
            let servers = newServers(count, asked, plan, by: request, began: began, resolved: resolved)
            let replayable = write(servers, adminPassword: nil, returnsReservation: asked.returnsReservation, request)
            let key = bodyHash.flatMap { hash in
                idempotencyKey.map {
                    IdempotencyKey(key: $0, bodyHash: hash, answer: String(decoding: replayable, as: UTF8.self))
                }
            }
            switch try await batcher(CreateOrder(project: request.project, servers: servers, idempotency: key)) {
            case .stored:
                signal.newIntents()
                let password = asked.adminPassword ?? AdminPassword.generate()
                return Answer(
                    bytes: write(servers, adminPassword: password, returnsReservation: asked.returnsReservation, request),
                    location: request.links.own("servers", servers[0].id.description))
            case .replayed(let server, let answer): return replay(server, answer, request)
            case .keyReused: throw Self.keyReused
            case .groupFull: throw CloudError(.overQuota, "Quota exceeded, too many servers in group")
            case .overQuota(let refusal):
                // Nova makes as many of min_count...max_count as the quota allows.
                let fitting = refusal.fitting(of: servers[0].spec.flavor)
                guard fitting >= asked.counts.lowerBound, fitting < count else { throw CloudError(.overQuota, refusal.message) }
                count = fitting
            }
        }
    }

    // MARK: What it is made of

    private struct Plan {
        let flavor: Flavor
        let image: ImageReference
        let publicKey: String?
        let zone: ZoneName?
        let homeRegion: String?
        let group: GroupConstraint?
    }

    private func resolve(_ asked: ServerCreateRequest, for request: NovaRequest) async throws -> Plan {
        guard let imageID = asked.image else {
            throw CloudError(.badRequest, "Invalid imageRef provided. A server here is made of an image.")
        }
        let caller = request.caller
        async let flavor = flavors.flavor(asked.flavor, visibleTo: caller.isAdmin ? nil : request.project)
        async let image = image(imageID, for: request)
        async let key = key(asked.keyName, of: request.user)
        async let zone = zone(asked.zone, region: request.region)
        async let group = group(asked.group, of: request.project)
        if asked.metadata.count > 0 { try await checkMetadata(asked.metadata, of: request.project) }

        guard let flavor = try await flavor?.flavor else {
            throw CloudError(.badRequest, "Flavor \(asked.flavor) could not be found.")
        }
        let found = try await image
        try Self.check(found, fits: flavor)
        let (zoneName, home) = try await zone
        return Plan(
            flavor: flavor, image: found.reference, publicKey: try await key, zone: zoneName, homeRegion: home,
            group: try await group)
    }

    private func image(_ id: ImageID, for request: NovaRequest) async throws -> CatalogImage {
        do {
            return try await images.image(id, for: request.caller)
        } catch let error as CloudError where error.code == .notFound || error.code == .forbidden {
            throw CloudError(.badRequest, "Can not find requested image", detail: "image \(id)", cause: error)
        }
    }

    private static func check(_ image: CatalogImage, fits flavor: Flavor) throws(CloudError) {
        guard image.status == "active" else { throw CloudError(.badRequest, "Image \(image.reference.id) is not active.") }
        guard image.reference.minRAM <= flavor.ram else {
            throw CloudError(.badRequest, "Flavor's memory is too small for requested image.")
        }
        // A flavor with a disk of 0 gets a disk as large as the image.
        guard flavor.disk > 0 else { return }
        let room = Int64(flavor.disk) << 30
        guard image.reference.minDisk <= flavor.disk, image.reference.size <= room else {
            let needed = max(Int64(image.reference.minDisk) << 30, image.reference.size)
            throw CloudError(
                .badRequest,
                "Flavor's disk is too small for requested image. Flavor disk is \(room) bytes, image is \(needed) bytes.")
        }
    }

    private func key(_ name: String?, of user: UserID) async throws -> String? {
        guard let name else { return nil }
        guard let key = try await keypairs.keypair(name, of: user) else {
            throw CloudError(.badRequest, "Invalid key_name provided.")
        }
        return key.publicKey
    }

    /// The zone that binds the server, and the region it is at home in. A region whose endpoint was called binds to the region alone: any
    /// of its zones will do. Region files have a zone in one region only; where several cells say the same zone nevertheless, the server
    /// is bound to the zone in any of them and is at home in none.
    private func zone(_ asked: String?, region: String?) async throws -> (ZoneName?, String?) {
        guard let asked, !asked.isEmpty else {
            if let region, try await !zones.hasRegion(region) { throw Self.zoneNotAvailable }
            return (nil, region)
        }
        guard !asked.contains(":") else {
            throw CloudError(.notImplemented, "A host can't be named in availability_zone. Name the zone alone.")
        }
        let cells = try await zones.cells(with: asked, in: region)
        guard let home = cells.first else { throw Self.zoneNotAvailable }
        return (ZoneName(asked), cells.count == 1 ? home.rawValue : nil)
    }

    private func group(_ id: ServerGroupID?, of project: ProjectID) async throws -> GroupConstraint? {
        guard let id else { return nil }
        guard let group = try await groups.group(id, of: project) else {
            throw CloudError(.badRequest, "Instance group \(id) could not be found.")
        }
        return group.constraint
    }

    private func checkMetadata(_ metadata: [String: String], of project: ProjectID) async throws {
        let limit = try await quotas.limits(of: project).metadataItems
        guard limit < 0 || metadata.count <= limit else {
            throw CloudError(.overQuota, "Maximum number of metadata items exceeds \(limit)")
        }
    }

    // MARK: The rows

    private func newServers(
        _ count: Int, _ asked: ServerCreateRequest, _ plan: Plan, by request: NovaRequest, began: Timestamp, resolved: Timestamp
    ) -> [NewServer] {
        let reservation = Reservation.random()
        let steps = [
            TraceStep("api.receive", classic: [3], place: "api", started: request.received, ended: request.received),
            TraceStep("api.authenticate", classic: [4, 5], place: "api", started: request.received, ended: began),
            TraceStep(
                "api.resolve", classic: [6], place: "api", started: began, ended: resolved,
                note: "image, flavor, key, zone, quota"),
            TraceStep("api.record", classic: [7], place: "api", started: resolved, ended: .now()),
        ]
        return (1...count).map { number in
            let id = ServerID.random()
            // Nova's multi_instance_display_name_template.
            let name = count == 1 && asked.counts.upperBound == 1 ? asked.name : "\(asked.name)-\(number)"
            let spec = ServerSpec(
                name: name, hostname: Hostname.from(name, otherwise: id), project: request.project, user: request.user,
                flavor: plan.flavor, image: plan.image, zone: plan.zone, metadata: asked.metadata, keyName: asked.keyName,
                publicKey: plan.publicKey, configDrive: asked.configDrive, group: plan.group, hints: asked.hints)
            return NewServer(
                id: id, intent: .random(), request: request.id, spec: spec, description: asked.description,
                homeRegion: plan.homeRegion,
                accessIPv4: asked.accessIPv4, accessIPv6: asked.accessIPv6, reservation: reservation,
                createdAt: request.received,
                deadline: request.received + buildDeadline, steps: steps)
        }
    }

    // MARK: The answer

    private func write(
        _ servers: [NewServer], adminPassword: String?, returnsReservation: Bool, _ request: NovaRequest
    ) -> [UInt8] {
        var json = JSONWriter(capacity: 640)
        json.object {
            guard !returnsReservation else {
                $0.field("reservation_id", servers[0].reservation)
                return
            }
            $0.object("server") {
                let id = servers[0].id.description
                $0.field("id", id)
                request.links.write(to: &$0, "servers", id)
                $0.field("OS-DCF:diskConfig", "MANUAL")
                $0.array("security_groups") { $0.object { $0.field("name", "default") } }
                if let adminPassword { $0.field("adminPass", adminPassword) }
            }
        }
        return json.bytes
    }

    private func replay(_ server: ServerID, _ answer: String, _ request: NovaRequest) -> Answer {
        Answer(bytes: Array(answer.utf8), location: request.links.own("servers", server.description))
    }

    private static var zoneNotAvailable: CloudError {
        CloudError(.badRequest, "The requested availability zone is not available")
    }

    private static var keyReused: CloudError {
        CloudError(.conflict, "The Idempotency-Key was used for another request in the last 24 hours. Use a new key.")
    }
}

extension QuotaRefusal {
    /// How many servers of a flavor the quota still has room for.
    func fitting(of flavor: Flavor) -> Int {
        var room: [Int] = [Int.max]
        if limits.instances >= 0 { room.append(limits.instances - used.instances) }
        if limits.cores >= 0 { room.append((limits.cores - used.cores) / flavor.vcpus) }
        if limits.ram >= 0 { room.append((limits.ram - used.ram) / flavor.ram) }
        return max(0, room.min() ?? 0)
    }
}
