import CloudModel
import Testing

@testable import SuperScheduler

/// What a server that no cell can take is told.
@Suite struct NoValidHostTests {
    static func message(
        zone: ZoneName? = nil, home: CellName? = nil, silent: [CellName] = [], ahead: [CellName] = [],
        _ attempts: [PlacementLedger.Attempt] = []
    ) -> String {
        NoValidHost(zone: zone, homeRegion: home, silent: silent, ahead: ahead, ledger: PlacementLedger(attempts: attempts))
            .message
    }

    @Test func theRegionThatWasAskedForIsNamedWhenItIsSilent() {
        let silent =
            "No valid host was found. The region tunis is silent or has no host that is up, and the server was asked for there."
        #expect(Self.message(home: "tunis", silent: ["tunis"]) == silent)
        #expect(Self.message(zone: "tunis", home: "tunis", silent: ["tunis"]) == silent)
        #expect(
            Self.message(zone: "shared", silent: ["london", "tunis"])
                == "No valid host was found. The regions london, tunis are silent or have no host that is up, and the server was asked for there."
        )
        #expect(
            Self.message(silent: ["tunis"])
                == "No valid host was found. The regions that might have room are silent or have no host that is up: tunis.")
    }

    @Test func aRegionThatKnowsMoreLeavesWhoIsNotBoundToAskElsewhere() {
        #expect(Self.message(ahead: ["tunis"]).hasSuffix("raised the database's epochs. Ask again then."))
        #expect(Self.message(home: "tunis", ahead: ["tunis"]).hasSuffix("Ask again then, or without the region."))
        #expect(Self.message(zone: "tunis", home: "tunis", ahead: ["tunis"]).hasSuffix("Ask again then, or without the zone."))
    }

    @Test func everyCellSaysItsReason() {
        let attempts = [
            PlacementLedger.Attempt(
                cell: "london", outcome: .ruledOut, at: .now(), reason: "the server was asked for in region tunis"),
            PlacementLedger.Attempt(cell: "tunis", outcome: .ruledOut, at: .now(), reason: "is being drained"),
        ]
        #expect(
            Self.message(home: "tunis", attempts)
                == "No valid host was found. london: the server was asked for in region tunis; tunis: is being drained")
        #expect(Self.message() == "No valid host was found. The federation has no regions.")
    }
}
