import CellProtocol
import CloudModel
import Testing

@Suite struct WorkDigestTests {
    private func digest(_ orders: (server: ServerID, revision: Int64)...) -> WorkDigest { WorkDigest(of: orders) }

    @Test func theOrderOfOrdersDoesNotCount() {
        #expect(digest((Sample.server, 7), (Sample.otherServer, 7)) == digest((Sample.otherServer, 7), (Sample.server, 7)))
    }

    @Test func everythingElseDoes() {
        let digests = [
            digest(), digest((Sample.server, 7)), digest((Sample.otherServer, 7)), digest((Sample.server, 8)),
            digest((Sample.server, 7), (Sample.otherServer, 7)), digest((Sample.server, 7), (Sample.otherServer, 8)),
            digest((Sample.server, 8), (Sample.otherServer, 7)),
            // Two of the same cancel out in the hash; the count tells them from none.
            digest((Sample.server, 7), (Sample.server, 7)),
        ]
        #expect(Set(digests).count == digests.count)
    }

    /// Conductor and host may be of neighbouring releases. (FNV-1a over the id's bytes and the revision's, little-endian.)
    @Test func isTheSameInEveryRelease() {
        #expect(digest((Sample.server, 7)).hash == 0x359e84a61616ed52)
    }

    @Test func ofOrdersIsOfTheirServersAndRevisions() {
        #expect(WorkDigest([Sample.order]) == digest((Sample.order.server, Sample.order.revision)))
    }
}
