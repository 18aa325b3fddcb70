package import CloudTestKit
package import Database
import Foundation

/// A federation of real processes on 127.0.0.1: PostgreSQL for the API cell and for each region, the API, the super-scheduler, and in
/// each region a conductor, a scheduler, a gateway and simulated hosts, over real ZeroMQ. Every process is supervised; each region's link to
/// the hub can be cut.
package final class ProcessFederation: Sendable {
    package struct Plan: Sendable {
        package var regions = ["amsterdam", "london", "tunis"]
        package var hostsPerRegion = 4
        package var bootMilliseconds = 20
        package var failRate = 0.0
        /// Regions whose cells have not been let in: they knock, and wait.
        package var strangers: Set<String> = []
        /// The hosts of a region have one key and one link together.
        package var sharedLinks = false
        /// The operator's policy files, by service: what stands in `nova.yaml`.
        package var policies: [String: String] = [:]
        /// Seconds, as in federation.yml. Silence is a little longer than a busy machine keeps a process waiting.
        package var timing: [String: Double] = [
            "heartbeat": 0.4, "region_silent": 3, "host_silent": 3, "claim_ttl": 10, "reconcile_period": 2,
        ]
        package init() {}
    }

    package let plan: Plan
    package let topDatabase: PostgresCluster
    package let api: SupervisedProcess
    package let superScheduler: SupervisedProcess
    package let cells: [String: CellProcesses]
    let ports: APIPorts
    /// Everything is below it; it goes with the API cell's PostgreSQL, also when the test process is killed.
    package let folder: String

    /// Starts a federation for `body`, and takes it down afterwards.
    package static func with(_ plan: Plan = Plan(), _ body: (ProcessFederation) async throws -> Void) async throws {
        let federation = try await ProcessFederation(plan)
        do {
            try await federation.waitUntilReady()
            try await body(federation)
        } catch {
            print(federation.complaints())
            if let kept = ProcessInfo.processInfo.environment["MERIDIAN_KEEP_LOGS"] {
                try? FileManager.default.removeItem(atPath: kept)
                try? FileManager.default.copyItem(atPath: federation.folder, toPath: kept)
            }
            await federation.takeDown()
            throw error
        }
        await federation.takeDown()
    }

    private init(_ plan: Plan) async throws {
        let names = ["top"] + plan.regions
        let databases = try await withThrowingTaskGroup(of: (String, PostgresCluster).self) { group in
            for name in names { group.addTask { (name, try await PostgresCluster.start()) } }
            return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
        guard let top = databases["top"] else { throw ProcessFederationError("There is no database.") }
        self.plan = plan
        topDatabase = top
        folder = "\(top.directory)/federation"
        ports = APIPorts()
        let setup = Setup(plan: plan, folder: folder, ports: ports, databases: databases)
        try await setup.prepare()

        let apiFolders = ["--etc", "\(folder)/api/etc", "--var", "\(folder)/api/var"]
        superScheduler = SupervisedProcess(
            "super-scheduler", [Programs.path("meridian-api"), "super-scheduler"] + apiFolders,
            log: "\(folder)/super-scheduler.output")
        api = SupervisedProcess("api", [Programs.path("meridian-api"), "api"] + apiFolders, log: "\(folder)/api.output")
        cells = try setup.startCells()
    }

    package var processes: [SupervisedProcess] { [api, superScheduler] + cells.values.flatMap(\.processes) }

    /// The file of the key that signs image grants.
    package var grantKeyFile: String { "\(folder)/api/etc/grants/signing.key" }

    /// The user demo of the project demo, whose quotas don't get in the way.
    package func tenant() async throws -> Tenant {
        let tenant = try await user("demo", project: "demo")
        try await administrator().liftQuotas(of: tenant.projectID)
        return tenant
    }

    package func administrator() async throws -> Tenant { try await user("admin", project: "admin") }

    /// Who has been made before.
    package func user(_ name: String, project: String) async throws -> Tenant {
        let user = Tenant(ports: ports, user: name, project: project)
        try await user.logIn()
        return user
    }

    /// Returns when every region has all its hosts.
    private func waitUntilReady() async throws {
        let hosts = plan.hostsPerRegion * (plan.regions.count - plan.strangers.count)
        try await Wait.until("all regions and hosts are in contact", within: .seconds(60)) {
            try await self.topDatabase.rows(
                "SELECT count(*)::int8 AS n FROM compute.hosts WHERE (report->>'up')::bool IS NOT FALSE"
            ).first?.get("n") == Int64(hosts)
        }
        try await Wait.until("the API answers", within: .seconds(30)) {
            let identity = try await HTTP.send("GET", port: self.ports.identity, "/v3")
            let compute = try await HTTP.send("GET", port: self.ports.compute, "/")
            return identity.status == 200 && compute.status < 400
        }
    }

    /// Runs `meridian-manage` on the API host or on a region's control host; returns what it wrote. Throws that when it fails.
    package func manage(_ arguments: [String], on place: String = "api") async throws -> String {
        let log = "\(folder)/manage-\(UUID().uuidString).output"
        defer { try? FileManager.default.removeItem(atPath: log) }
        try await Programs.run("meridian-manage", arguments + ["--etc", "\(folder)/\(place)/etc"], log: log)
        return try String(contentsOfFile: log, encoding: .utf8)
    }

    private func takeDown() async {
        await withTaskGroup(of: Void.self) { group in
            for cell in cells.values { group.addTask { await cell.takeDown() } }
            group.addTask { await self.api.takeDown() }
            group.addTask { await self.superScheduler.takeDown() }
        }
        await topDatabase.stop()
    }

    /// The last lines that each process wrote about something that went wrong.
    private func complaints() -> String {
        var text = ""
        for name in ["api"] + plan.regions {
            let folder = "\(folder)/\(name)/var/log"
            for file in ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted() {
                let lines = ((try? String(contentsOfFile: "\(folder)/\(file)", encoding: .utf8)) ?? "").split(separator: "\n")
                let bad = lines.filter { $0.contains("\"error\"") || $0.contains("\"critical\"") }.suffix(5)
                if !bad.isEmpty { text += "\(name)/\(file):\n\(bad.joined(separator: "\n"))\n" }
            }
        }
        return text
    }
}

extension PostgresCluster {
    /// One statement on a connection of its own: a witness doesn't share what it watches.
    @discardableResult package func rows(_ sql: SQL, database name: String = "meridian") async throws -> Rows {
        let database = Database(address(database: name), pool: PoolLimits(connections: 1), logger: .silent)
        do {
            let rows = try await database.query(sql)
            await database.close()
            return rows
        } catch {
            await database.close()
            throw error
        }
    }
}

package enum Wait {
    /// Asks until it is so; what it throws counts as "not yet". Throws when the time is over, with the last error.
    package static func until(
        _ what: String, within limit: Duration, every period: Duration = .milliseconds(100),
        _ condition: () async throws -> Bool
    ) async throws {
        let end = ContinuousClock.now + limit
        var last = ""
        while ContinuousClock.now < end {
            do {
                if try await condition() { return }
            } catch { last = " (\(error))" }
            try await Task.sleep(for: period)
        }
        throw ProcessFederationError("It did not come to pass within \(limit) that \(what)\(last).")
    }
}
