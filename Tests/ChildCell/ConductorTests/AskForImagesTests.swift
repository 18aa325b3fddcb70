import CellProtocol
import CloudModel
import Testing

@testable import Conductor

/// Which host may fetch which image.
@Suite struct AskForImagesTests {
    private let server = ServerID.random()
    private let image = ImageID.random()
    private let now = Timestamp.now()

    private func record(_ change: (inout ServerRecord) -> Void = { _ in }) -> ServerRecord {
        let spec = ServerSpec(
            name: "s", hostname: "s", project: "p", user: "u", flavor: Flavor(id: "1", name: "m1", vcpus: 1, ram: 64, disk: 1),
            image: ImageReference(id: image, name: "tiny", diskFormat: "qcow2", size: 1, sha512: "00"))
        var record = ServerRecord(id: server, epoch: PlacementEpoch(7), spec: spec, at: now)
        _ = record.claimed("a.tunis", zone: "tunis", at: now)
        change(&record)
        return record
    }

    private func answer(_ record: ServerRecord?, of image: ImageID? = nil, epoch: Int64 = 7, on host: HostName = "a.tunis")
        -> CloudError.Code?
    {
        let question = AskForImageGrant(
            server: server, epoch: PlacementEpoch(epoch), image: image ?? self.image, host: host, hostKey: nil)
        do {
            try AskForImages.mustBeBuilding(record, question, on: host)
            return nil
        } catch {
            return error.code
        }
    }

    @Test func theHostThatBuildsItMay() {
        #expect(answer(record()) == nil)
    }

    @Test func anotherHostMayNot() {
        #expect(answer(record(), on: "b.tunis") == .forbidden)
    }

    @Test func aHostMayNotForAServerThatIsBuiltOrIsToGo() {
        #expect(answer(record { $0.build = .finished }) == .forbidden)
        #expect(answer(record { $0.build = .undoing(reason: "It failed.") }) == .forbidden)
        #expect(answer(record { $0.desired = .destroyed }) == .forbidden)
        #expect(answer(record { $0.vmState = .deleted }) == .forbidden)
        #expect(answer(record { $0.refuse("No room.", at: now) }) == .forbidden)
    }

    @Test func norForAnotherImageOrAnEarlierPlacement() {
        #expect(answer(record(), of: .random()) == .forbidden)
        #expect(answer(record(), epoch: 6) == .forbidden)
    }

    /// After a restore of the cell's database a host builds what the cell is still to find: it asks again.
    @Test func whatTheCellDoesNotKnowYetIsAskedAgain() {
        #expect(answer(nil) == .unavailable)
        #expect(answer(record(), epoch: 8) == .unavailable)
        #expect(answer(record { $0.build = .sought }) == .unavailable)
    }
}
