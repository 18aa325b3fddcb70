import CellProtocol
import Testing

/// Every message and every answer, byte for byte.
@Suite struct GoldenTests {
    @Test(arguments: Golden.all) func isSentAsEver(golden: Golden) throws {
        #expect(try golden.encoded() == golden.canonical())
    }

    @Test(arguments: Golden.all) func isReadAsItWasSent(golden: Golden) throws {
        #expect(try golden.read(golden.object()) == golden.canonical())
    }

    @Test(arguments: Golden.all) func fieldsOfALaterReleaseAreReadOver(golden: Golden) throws {
        #expect(try golden.read(Golden.enriched(golden.object())) == golden.canonical())
    }

    @Test(arguments: Golden.all) func optionalFieldsMayBeAbsentAndNoOthers(golden: Golden) throws {
        #expect(try golden.bearableAbsences() == golden.optional)
    }

    @Test func everyKindHasItsGoldenEncodingAndItsOwnName() {
        let kinds = [
            ReserveHost.kind, PerformIntent.kind, FeedBatch.kind, GetConsoleOutput.kind, HostHello.kind, AskForWork.kind,
            WakeHost.kind,
            CellHello.kind, CellSummary.kind, RecoverServers.kind, ReportWork.kind, RankHosts.kind, AskForImageGrant.kind,
            GetDrift.kind, ImagesToWarm.kind, WarmImage.kind, AskForWarmUpGrant.kind,
        ]
        #expect(Set(kinds).count == kinds.count)
        let names = Set(Golden.all.map { $0.name.split(separator: " ")[0] })
        for kind in kinds {
            #expect(names.contains(kind[...]), "\(kind)")
            #expect(kind.utf8.count <= 40)
        }
        #expect(Set(Golden.all.map(\.name)).count == Golden.all.count)
    }
}
